"""The server did what it was asked, and its answer never came."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.api import Api
from client.faults import ApiError, NoAnswer
from client.login import Login, log_in
from client.profile import ProfileFolder
from client.registration import Registration, account_secret, register, require_secret
from tests.live import LiveServer
from tests.scenarios.people import PASSWORD, hand_over_by_back_up, sign_in

pytestmark = pytest.mark.needs("gnupg")

Losing = Callable[[str], None]


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> Losing:
    """Lets the answer to the next call of an address get lost."""
    once, lost = Api._once, set[str]()

    def call(api: Api, method: str, path: str, *rest: Any) -> Any:
        answer = once(api, method, path, *rest)
        if path in lost:
            lost.remove(path)
            raise NoAnswer("The line broke.")
        return answer

    monkeypatch.setattr(Api, "_once", call)
    return lost.add


_count = iter(range(10_000))


def _wanted(server: LiveServer) -> Registration:
    username = f"lost{next(_count)}"
    return Registration(server.url, username, f"{username}@example.org", PASSWORD, "laptop")


def test_a_registration_whose_answer_was_lost_is_found_by_a_login(
    server: LiveServer, tmp_path: Path, losing: Losing
) -> None:
    wanted, folder = _wanted(server), ProfileFolder(tmp_path / "laptop")
    backed_up: list[str] = []
    losing("accounts")
    with pytest.raises(NoAnswer):
        register(wanted, folder, None, lambda account, key: backed_up.append(key))
    device, asked = log_in(Login(server.url, wanted.username, PASSWORD, "laptop"), folder, None)
    assert asked == []
    assert device.profile.state == "active"
    assert device.home.give_secret(device.profile.fingerprint) == backed_up[0]
    require_secret(device)
    assert len(account_secret(device)) == 32
    device.close()


def test_a_registration_that_was_refused_is_repeated_with_the_same_keys(
    server: LiveServer, tmp_path: Path
) -> None:
    taken = _wanted(server)
    register(taken, ProfileFolder(tmp_path / "first"), None, lambda account, key: None).close()
    folder, backed_up = ProfileFolder(tmp_path / "second"), list[str]()
    wanted = _wanted(server)
    same_address = Registration(server.url, wanted.username, taken.email, PASSWORD, "laptop")
    with pytest.raises(ApiError) as refused:
        register(same_address, folder, None, lambda account, key: backed_up.append(key))
    assert refused.value.code == "email_taken"
    device = register(wanted, folder, None, lambda account, key: backed_up.append(key))
    assert backed_up[0] == backed_up[1]
    assert device.profile.state == "active"
    device.close()


def test_an_activation_whose_answer_was_lost_is_found_by_a_login(
    server: LiveServer, tmp_path: Path, losing: Losing
) -> None:
    wanted = _wanted(server)
    first = register(wanted, ProfileFolder(tmp_path / "first"), None, lambda account, key: None)
    second = sign_in(server.url, tmp_path / "second", wanted.username)
    losing("sessions/activate")
    with pytest.raises(NoAnswer):
        hand_over_by_back_up(first, second)
    second.close()
    assert second.folder.load() is not None
    again, _ = log_in(Login(server.url, wanted.username, PASSWORD, "second"), second.folder, None)
    assert again.profile.state == "active"
    assert again.has_account_key()
    for device in (first, again):
        device.close()
