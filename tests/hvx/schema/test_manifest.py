"""The signed list of migrations: whatever differs from it is named."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hvx.schema import manifest
from hvx.schema.manifest import LIST, PUBLIC_KEY, SIGNATURE, SchemaNotAsSigned
from tests.live import REPOSITORY

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A program with two rooms, whose list is signed; the list stands at its top."""
    for name in ("accounts/migrations/0001_initial.py", "vault/migrations/0001_ring.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(f"# {name}\n")
    manifest.pin(KEY, tmp_path)
    manifest.sign(KEY, tmp_path, tmp_path)
    return tmp_path


def judge(tree: Path) -> None:
    manifest.require_files_as_signed(manifest.read(tree), tree)


def test_a_changed_migration_is_named(tree: Path) -> None:
    with (tree / "accounts/migrations/0001_initial.py").open("a") as file:
        file.write("\n")
    with pytest.raises(SchemaNotAsSigned, match=r"accounts\.0001_initial is changed"):
        judge(tree)


def test_a_missing_migration_is_named(tree: Path) -> None:
    (tree / "vault/migrations/0001_ring.py").unlink()
    with pytest.raises(SchemaNotAsSigned, match=r"vault\.0001_ring is missing"):
        judge(tree)


@pytest.mark.parametrize(
    ("file", "name"), [("0002_more.py", "vault.0002_more"), ("0002_more.pyc", "vault.0002_more.pyc")]
)
def test_an_unknown_migration_is_named_with_source_or_without(tree: Path, file: str, name: str) -> None:
    (tree / "vault/migrations" / file).write_bytes(b"")
    with pytest.raises(SchemaNotAsSigned, match=f"{name} is unknown"):
        judge(tree)


def test_all_that_differs_is_named_at_once(tree: Path) -> None:
    (tree / "vault/migrations/0001_ring.py").rename(tree / "vault/migrations/0001_rings.py")
    (tree / "accounts/migrations/0001_initial.py").write_text("")
    with pytest.raises(SchemaNotAsSigned, match=r"accounts.*changed, vault.*missing, vault.*unknown"):
        judge(tree)


def test_a_list_that_was_edited_bears_no_signature(tree: Path) -> None:
    text = (tree / LIST).read_text()
    (tree / LIST).write_text(text.replace("0", "1", 1))
    with pytest.raises(SchemaNotAsSigned, match="does not bear its maintainer's signature"):
        manifest.read(tree)


def test_a_list_signed_by_somebody_else_is_refused(tree: Path) -> None:
    manifest.sign(Ed25519PrivateKey.generate(), tree, tree)
    with pytest.raises(SchemaNotAsSigned, match="does not bear its maintainer's signature"):
        manifest.read(tree)


def test_another_public_key_verifies_nothing(tree: Path) -> None:
    manifest.pin(Ed25519PrivateKey.generate(), tree)
    with pytest.raises(SchemaNotAsSigned, match="does not bear its maintainer's signature"):
        manifest.read(tree)


@pytest.mark.parametrize("junk", [b"", b"not base64!", b"\xff\xfe", b"AAAA"])
@pytest.mark.parametrize("name", [SIGNATURE, PUBLIC_KEY])
def test_a_damaged_signature_or_public_key_is_refused(tree: Path, name: str, junk: bytes) -> None:
    (tree / name).write_bytes(junk)
    with pytest.raises(SchemaNotAsSigned):
        manifest.read(tree)


@pytest.mark.parametrize("name", [LIST, SIGNATURE, PUBLIC_KEY])
def test_a_list_that_is_not_whole_is_refused(tree: Path, name: str) -> None:
    (tree / name).unlink()
    with pytest.raises(SchemaNotAsSigned, match=f"{name} is missing"):
        manifest.read(tree)


def test_a_signed_line_that_is_none_is_refused(tree: Path) -> None:
    """Whoever signs signs what the program wrote; another form is another program's."""
    (tree / "vault/migrations/0001 ring.py").write_text("")
    manifest.sign(KEY, tree, tree)
    with pytest.raises(SchemaNotAsSigned, match="a line that is none"):
        manifest.read(tree)


def test_what_was_signed_holds_and_says_who_signed(tree: Path) -> None:
    judge(tree)
    assert manifest.read(tree).signer == manifest.signer_of(KEY.public_key())


def test_the_list_is_what_sha256sum_checks(tree: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", LIST], cwd=tree, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_this_programs_own_migrations_are_those_of_its_signed_list() -> None:
    manifest.require_files_as_signed(manifest.read())


def test_a_new_key_is_pinned_and_a_key_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from scripts import sign_migrations as s;"
        "from hvx.schema import manifest as m;"
        "k = s.make_key(Path(sys.argv[1])); m.pin(k, Path(sys.argv[2]));"
        "print(m.signer_of(s.load_key(Path(sys.argv[1])).public_key()))"
    )
    key = tmp_path / "folder" / "key.pem"

    def make() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, str(key), str(tmp_path)],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    first = make()
    assert first.returncode == 0, first.stderr
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert "FileExistsError" in make().stderr
    assert key.read_bytes() == before
