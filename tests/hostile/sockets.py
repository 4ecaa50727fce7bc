"""The stage of real clients: real sockets, a server that is the adversary, and one attack."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from client.protocol.published import Published
from tests.hostile.attack import Attack, AttackFailed
from tests.hostile.outcome import DONE, Outcome
from tests.hostile.players import Player
from tests.hostile.server import HostileServer
from tests.hostile.world import USERNAME, Role, World

TIME = 120.0
"""Seconds that one attack may take."""

GRACE = 3.0
"""Seconds for which, after the victim's last ending, the other device may still do something foolish."""

EMAIL = "alice@hostile.example"
PASSWORD = "typed-into-a-hostile-server"

Happening = tuple[Role, dict[str, Any] | str]


class ClientFailed(Exception):
    """The client did not get as far as the attack."""


class LeftOut(Exception):
    """The client cannot do what the attack needs of it."""


class SocketStage:
    """Plays one attack to its end, against the players that `cast` gives for each role."""

    def __init__(self, attack: type[Attack], cast: Callable[[Role], Player], *, time: float = TIME) -> None:
        self._server = HostileServer()
        self.world = World(self._server.origin)
        self.attack = attack(self.world, self)
        self.outcome = Outcome(self.attack)
        self._time = time
        self._players: dict[Role, Player] = {role: cast(role) for role in sorted(attack.needs)}
        self._happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self._typed: dict[Role, list[str]] = {"new": [], "existing": []}
        self._asking: dict[Role, bool] = {"new": False, "existing": False}
        self._kept_back: dict[Role, list[str]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def play(self) -> Outcome:
        """From nothing until the victim has ended as often as it should, or the attack has its way."""
        self._loop = asyncio.get_running_loop()
        await self._server.start(self)
        try:
            await self._play()
        except TimeoutError:
            self.outcome.faults.append(f"no end after {self._time:.0f} seconds")
        except (ClientFailed, AttackFailed) as failed:
            self.outcome.faults.append(str(failed))
        finally:
            for player in self._players.values():
                await player.stop()
            await self._server.stop()
        return self.outcome

    async def _play(self) -> None:
        async with asyncio.timeout(self._time):
            await self._prepare()
            self._start_round()
            while not self._is_over():
                await self._next()
        if self.outcome.reached is None:
            try:
                async with asyncio.timeout(GRACE):
                    while not self._all_ended():
                        await self._next()
            except TimeoutError:
                pass
        await self._look_into_the_key_ring()

    async def _prepare(self) -> None:
        who = {"origin": self.world.origin, "username": USERNAME, "password": PASSWORD}
        for role, player in self._players.items():
            try:
                await player.start(role, partial(self._happened, role))
            except OSError as fault:
                raise ClientFailed(f"{role}: the program cannot be started ({fault.strerror})") from fault
        if "existing" in self._players:
            self._players["existing"].send({"do": "register", "email": EMAIL} | who)
            await self._until("existing", "ready")
        self.attack.prepare()
        if "new" in self._players:
            self._players["new"].send({"do": "login"} | who)
            await self._until("new", "ready")

    async def _until(self, role: Role, wanted: str) -> dict[str, Any]:
        while True:
            who, what = await self._happenings.get()
            if isinstance(what, str):
                continue
            if who == role and what["event"] == wanted:
                return what
            if what["event"] in ("fault", "gone"):
                raise ClientFailed(f"{who}: {what.get('text', 'the program ended')}")
            self.attack.seen(who, json.dumps(what))

    def _start_round(self) -> None:
        # The existing device says when it waits; by QR it begins to when the user scans.
        if "existing" in self._players and not self.attack.by_qr:
            self._order("existing", {"do": "approve", "qr": None})
        else:
            self._begin()

    def _begin(self) -> None:
        self.attack.begin()
        if "new" in self._players:
            self._order("new", {"do": "ask", "to": self.attack.to, "qr": self.attack.by_qr})

    async def _next(self) -> None:
        role, what = await self._happenings.get()
        # An attack may have much to compute, and the sockets must be answered meanwhile.
        await asyncio.to_thread(self._take, role, what)

    def _take(self, role: Role, what: dict[str, Any] | str) -> None:
        if isinstance(what, str):
            self.attack.heard(role, what)
            return
        self.attack.seen(role, json.dumps(what))
        match what:
            case {"event": "waiting"} if not self.attack.by_qr:
                self._begin()
            case {"event": "offer"}:
                self._order(role, {"do": "answer", "yes": True})
            case {"event": "code", "digits": digits}:
                self.attack.shown(role, digits)
            case {"event": "qr", "text": text}:
                self.attack.shown_qr(text)
            case {"event": "ask"}:
                self._asking[role] = True
                self.attack.asked(role)
                self._type_if_asked(role)
            case {"event": "unable"}:
                raise LeftOut("the client's clock cannot be set forward")
            case {"event": "advanced"}:
                for text in self._kept_back.pop(role, []):
                    self.tell(role, text)
            case {"event": "done"}:
                self.attack.done(role)
                self._ended(role, DONE)
            case {"event": "ended", "reason": reason}:
                self._ended(role, str(reason))
            case {"event": "fault", "text": text}:
                self.outcome.faults.append(f"{role}: {text}")
                self._ended(role, "fault")
            case {"event": "gone"}:
                self.outcome.faults.append(f"{role}: the program ended")
                self._ended(role, "gone")

    def _ended(self, role: Role, ending: str) -> None:
        self._asking[role] = False
        self._typed[role].clear()
        said = self.outcome.endings[role]
        said.append(ending)
        if self.attack.rounds > 1 and role == self.attack.victim and len(said) < self.attack.rounds:
            self._start_round()

    def _is_over(self) -> bool:
        if self.outcome.reached is not None:
            return True
        if not hasattr(self.attack, "victim"):
            return self._all_ended()
        return len(self.outcome.endings[self.attack.victim]) >= self.attack.rounds

    def _all_ended(self) -> bool:
        return all(self.outcome.endings[role] for role in self._players)

    async def _look_into_the_key_ring(self) -> None:
        if "new" not in self._players:
            return
        self._players["new"].send({"do": "keys"})
        async with asyncio.timeout(self._time):
            told = await self._until("new", "keys")
        self.outcome.held = [str(fingerprint) for fingerprint in told["fingerprints"]]
        for fingerprint in self.outcome.held:
            self.attack.adopted(fingerprint)

    # The server's side of it

    def published(self) -> Published:
        return self.attack.published()

    def heard(self, role: Role, text: str) -> None:
        self._happenings.put_nowait((role, text))

    def _happened(self, role: Role, event: dict[str, Any]) -> None:
        self._happenings.put_nowait((role, event))

    # What an attack may ask for, from whichever thread it computes in

    def tell(self, role: Role, text: str) -> None:
        if role in self._kept_back:
            self._kept_back[role].append(text)
        else:
            self._soon(self._server.mail[role].put_nowait, text)

    def type(self, role: Role, digits: str) -> None:
        self._typed[role].append(digits)
        self._type_if_asked(role)

    def scan(self, text: str) -> None:
        self._order("existing", {"do": "approve", "qr": text})

    def advance(self, role: Role, seconds: float) -> None:
        # What the attack says from here on is said when the clock is where it should be.
        self._kept_back[role] = []
        self._order(role, {"do": "advance", "seconds": seconds})

    def refuse(self, role: Role, words: str) -> None:
        """Hang up on a device and let it in no more, for a reason in these words."""
        self._soon(partial(self._server.refuse, role), words)

    def _type_if_asked(self, role: Role) -> None:
        if self._asking[role] and self._typed[role]:
            self._asking[role] = False
            self._order(role, {"do": "type", "digits": self._typed[role].pop(0)})

    def _order(self, role: Role, command: dict[str, Any]) -> None:
        if role in self._players:
            self._soon(self._players[role].send, command)

    def _soon(self, act: Callable[[Any], None], given: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(act, given)
