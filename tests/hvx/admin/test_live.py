"""The administration of a real server: there where it is wanted, with all its files, and nowhere else."""

import re
import secrets
from pathlib import Path

import httpx
import pytest

from tests.live import LiveServer

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


def test_it_is_off_where_nobody_asked_for_it(server: LiveServer) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        for path in ("/admin/", "/admin/login/", "/static/admin/css/base.css"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert not answer.cookies


def test_an_operator_signs_in_and_every_file_is_served(tmp_path: Path) -> None:
    password = secrets.token_urlsafe(24)
    with LiveServer(tmp_path, env={"HVX_ADMIN": "on"}) as live:
        live.manage("operator", "add", "ida", "--stdin", stdin=f"{password}\n")
        with httpx.Client(base_url=live.url, trust_env=False, headers={"Origin": live.origin}) as client:
            login = client.get("/admin/federation/", follow_redirects=True)
            found = _TOKEN.search(login.text)
            assert found is not None
            answer = client.post(
                str(login.url),
                data={"csrfmiddlewaretoken": found[1], "username": "ida", "password": password},
                follow_redirects=True,
            )
            assert answer.status_code == 200
            assert "Hosts that something waits for" in answer.text
            for name in {*re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text + login.text)}:
                assert client.get(name).status_code == 200, name
            # An answer of the API knows no cookie, whatever the browser sends.
            assert not client.get("/api/hvx/v1/instance").headers.get_list("set-cookie")
        assert password not in live.log_path.read_text()


@pytest.mark.parametrize("value", ["yes", "On", ""])
def test_a_slip_of_the_pen_switches_nothing_on(tmp_path: Path, value: str) -> None:
    live = LiveServer(tmp_path, env={"HVX_ADMIN": value})
    with pytest.raises(AssertionError):
        live.start()
    assert "set on or off" in live.log_path.read_text()
