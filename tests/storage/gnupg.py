"""GnuPG with a home that is thrown away."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class GnuPG:
    """Runs gpg. Keys that it makes have no passphrase; for symmetric encryption there is one."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        return self._run("gpg", "--batch", "--quiet", "--trust-model", "always", *arguments, given=given)

    def make(self, name: str, primary: str, subkey: str) -> None:
        self.run("--passphrase", "", "--quick-generate-key", name, primary, "sign,cert", "never")
        listed = self.run("--with-colons", "--list-keys", name).decode()
        [fingerprint] = [line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")]
        self.run("--passphrase", "", "--quick-add-key", fingerprint, subkey, "encr", "never")

    def encrypt(self, *options: str, given: bytes) -> bytes:
        """To a passphrase where `--symmetric` is among the options."""
        loopback = ("--pinentry-mode", "loopback", "--passphrase", "correct horse")
        return self.run(*loopback, *options, given=given)

    def stop(self) -> None:
        self._run("gpgconf", "--kill", "all")

    def _run(self, program: str, *arguments: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            [program, "--homedir", str(self._home), *arguments], input=given, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


@contextmanager
def throwaway() -> Iterator[GnuPG]:
    # A short path: the agent listens at a socket inside it.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        gnupg = GnuPG(Path(folder))
        try:
            yield gnupg
        finally:
            gnupg.stop()
