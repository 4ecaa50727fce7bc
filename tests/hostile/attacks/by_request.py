"""The server plays the new device, and asks as the existing one must not let it.

Each is `AsNew` but for one step; so each would succeed if that step went unnoticed.
"""

from dataclasses import replace

from client.protocol.frames import Accept, Request
from client.protocol.qr import QRCode
from client.protocol.reasons import Reason
from tests.hostile.attack import BOTH
from tests.hostile.impostors import AsNew
from tests.hostile.world import Puppet, Role


class SwappedDeviceKeyOfNew(AsNew):
    """Puts its own device key under the device hash of another device of the account."""

    name = "swapped_device_key_of_new"
    check = "check_device_hash"
    ending = Reason.WRONG_DEVICE

    def prepare(self) -> None:
        super().prepare()
        true_device = Puppet.of(self.world)
        self.new = replace(self.new, device=true_device.device, challenge=true_device.challenge)


class NoCommonSuite(AsNew):
    """Offers only a suite that the existing device does not have."""

    name = "no_common_suite"
    check = "check_suite"
    ending = Reason.WRONG_SUITE
    suites = ("null",)


class ReflectedRequest(AsNew):
    """Asks in the existing device's own name, as a mirror would."""

    name = "reflected_request"
    check = "check_request"
    ending = Reason.WRONG_SENDER

    def make_request(self, exchange: str) -> Request:
        mirrored = self.world.devices["existing"]
        return replace(
            super().make_request(exchange),
            device=mirrored.device,
            device_key=mirrored.device_key,
            challenge=mirrored.challenge,
        )

    def on_accept(self, accept: Accept) -> None:
        self.win("the existing device accepted itself")


class RequestInAnothersName(AsNew):
    """Passes the request on as coming from another device."""

    name = "request_in_anothers_name"
    check = "check_request"
    ending = Reason.WRONG_SENDER

    def send_request(self) -> None:
        self.offer(self.request, sender=Puppet.of(self.world).device)


class MisdirectedRequest(AsNew):
    """Passes on a request that names another device."""

    name = "misdirected_request"
    check = "check_request"
    ending = Reason.WRONG_SENDER

    def make_request(self, exchange: str) -> Request:
        return replace(super().make_request(exchange), to=Puppet.of(self.world).device)


class Replay(AsNew):
    """Plays all the frames of an earlier exchange again."""

    name = "replay"
    check = "check_unused_exchange"
    ending = Reason.USED_EXCHANGE
    rounds = 2

    def prepare(self) -> None:
        super().prepare()
        self.recorded: Request | None = None

    def ask(self) -> None:
        if self.recorded is None:
            super().ask()
        else:
            self._sent.clear()
            self.send_request()

    def on_accept(self, accept: Accept) -> None:
        if self.recorded is None:
            self.recorded = self.request
            super().on_accept(accept)
            return
        self.win("the existing device accepted the same exchange twice")
        self.send_reveal()
        self.relay("existing", self.prove)

    def pretend(self, role: Role, digits: str) -> None:
        self.say("existing", {"type": "withdrawn", "exchange": self.request.exchange})


class ExchangeUsedAgain(AsNew):
    """Asks anew under the id of an exchange that ended."""

    name = "exchange_used_again"
    check = "check_unused_exchange"
    ending = Reason.USED_EXCHANGE
    rounds = 2

    def prepare(self) -> None:
        super().prepare()
        self.first: str | None = None

    def make_request(self, exchange: str) -> Request:
        return super().make_request(self.first or exchange)

    def on_accept(self, accept: Accept) -> None:
        if self.first is None:
            self.first = accept.exchange
            self.say("existing", {"type": "withdrawn", "exchange": accept.exchange})
        else:
            self._sent.clear()
            super().on_accept(accept)


class SilentAbortsOfExisting(AsNew):
    """Takes the existing device's accept and withdraws, four times in an hour."""

    name = "silent_aborts_of_existing"
    check = "check_attempts"
    ending = Reason.TOO_MANY_ATTEMPTS
    rounds = 4

    def prepare(self) -> None:
        super().prepare()
        self.tries = 0

    def on_accept(self, accept: Accept) -> None:
        self.tries += 1
        if self.tries == self.rounds:
            self.win("the existing device gave a fourth try within the hour")
        self.say("existing", {"type": "withdrawn", "exchange": accept.exchange})


class QROfAnotherServer(AsNew):
    """Has the user scan a code that another server's page shows."""

    name = "qr_of_another_server"
    check = "check_qr"
    ending = Reason.WRONG_QR
    by_qr = True

    def qr(self) -> QRCode:
        return replace(super().qr(), origin="https://elsewhere.example")


class QROfAnotherCommitment(AsNew):
    """Knows the secret of the new device's code and puts its own request under that code's id."""

    name = "qr_of_another_commitment"
    check = "check_qr"
    ending = Reason.WRONG_QR
    needs = BOTH
    by_qr = True

    def begin(self) -> None:
        """It is the new device's user who begins."""

    def on_request(self, request: Request) -> None:
        """The true one goes no further."""

    def shown_qr(self, text: str) -> None:
        photographed = QRCode.read(text)
        self.qr_secret = photographed.secret
        self.request = self.make_request(photographed.exchange)
        self.send_request()
        self.stage.scan(text)


BY_REQUEST: tuple[type[AsNew], ...] = (
    SwappedDeviceKeyOfNew,
    NoCommonSuite,
    ReflectedRequest,
    RequestInAnothersName,
    MisdirectedRequest,
    Replay,
    ExchangeUsedAgain,
    SilentAbortsOfExisting,
    QROfAnotherServer,
    QROfAnotherCommitment,
)
