"""The ground that other tests stand on: a real server that ends in order, dies, and comes back."""

import os
from pathlib import Path

import httpx
import pytest

from tests.components import COMPONENTS, everything_is_required, why_missing
from tests.live import LiveServer, ServerFailed


def healthy(server: LiveServer) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
    except httpx.ConnectError:
        return False


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, env={"HVX_REGISTRATION": "perhaps"})
    with pytest.raises(ServerFailed, match="HVX_REGISTRATION"), server:
        raise AssertionError("it started")


def test_a_server_ends_in_order_and_comes_back_on_the_same_folder_and_port(fresh_server: LiveServer) -> None:
    port = fresh_server.port
    fresh_server.stop()
    assert not healthy(fresh_server)
    fresh_server.start()
    assert healthy(fresh_server)
    assert fresh_server.port == port


def test_a_killed_server_comes_back_on_the_same_folder_and_port(fresh_server: LiveServer) -> None:
    fresh_server.kill()
    assert not healthy(fresh_server)
    fresh_server.start()
    assert healthy(fresh_server)


@pytest.mark.needs("postgres", "redis")
def test_a_server_of_two_workers_ends_in_order_too(tmp_path: Path) -> None:
    with LiveServer(tmp_path, cluster=True, env={"HVX_WORKERS": "2"}) as live:
        assert healthy(live)
        live.stop()
        assert not healthy(live)


def test_two_servers_know_nothing_of_each_other(server: LiveServer, fresh_server: LiveServer) -> None:
    assert server.data_dir != fresh_server.data_dir
    assert server.port != fresh_server.port
    if server.redis_url:
        assert server.redis_url != fresh_server.redis_url
        assert server.database_url != fresh_server.database_url


def test_a_server_begins_as_a_copy_that_is_its_own_and_a_new_one_has_a_vault_of_its_own(
    tmp_path: Path,
) -> None:
    one, other = (LiveServer(tmp_path / name, cluster=False) for name in ("one", "other"))
    new = LiveServer(tmp_path / "new", cluster=False, new=True)
    for server in (one, other, new):
        server.prepare()
    vaults = [(server.data_dir / "vault.json").read_bytes() for server in (one, other, new)]
    assert vaults[0] == vaults[1] != vaults[2]
    database = "hvx.sqlite3"
    untouched = (other.data_dir / database).read_bytes()
    one.manage("rotate_token_key")
    assert (one.data_dir / database).read_bytes() != untouched
    assert (other.data_dir / database).read_bytes() == untouched
    again = LiveServer(tmp_path / "again", cluster=False)
    again.prepare()
    assert (again.data_dir / database).read_bytes() == untouched


def test_a_misspelt_component_is_noticed() -> None:
    with pytest.raises(LookupError, match="gnupgg"):
        why_missing("gnupgg")


@pytest.mark.parametrize("component", sorted(COMPONENTS))
def test_a_missing_component_is_named_with_what_it_wants(
    component: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for variable in ("HVX_TEST_REDIS_URL", "HVX_TEST_POSTGRES_URL", "HVX_TEST_FEDIFY_URL", "HVX_VECTORS"):
        monkeypatch.delenv(variable, raising=False)
    reason = why_missing(component)
    assert reason is not None
    assert reason.endswith(("is not set", "is not on PATH", "is not run by root"))


def test_only_an_explicit_one_requires_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HVX_TEST_ALL", "0")
    assert not everything_is_required()
    monkeypatch.setenv("HVX_TEST_ALL", "1")
    assert everything_is_required()
