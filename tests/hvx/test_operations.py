"""What an operator leans on: health, figures, headers, and a start that says what is wrong."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from activitypub.models import ErrandKind
from activitypub.services import errands
from tests.activitypub.test_actors import remote
from tests.live import MANAGE, REPOSITORY, LiveServer


def manage(folder: Path, *arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs manage.py with these settings and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HVX_")}
    clean |= {"DJANGO_SETTINGS_MODULE": "hvx.settings", "HVX_DATA_DIR": str(folder), **env}
    return subprocess.run(
        [*MANAGE, *arguments], env=clean, cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"HVX_WORKERS": "2"}, "HVX_REDIS_URL"),
        ({"HVX_WORKERS": "many"}, "HVX_WORKERS"),
        ({"HVX_ORIGIN": "ftp://example.org"}, "HVX_ORIGIN"),
        ({"HVX_ORIGIN": "https://example.org/path"}, "HVX_ORIGIN"),
        ({"HVX_REGISTRATION": "perhaps"}, "HVX_REGISTRATION"),
        ({"HVX_LISTEN": "everywhere"}, "HVX_LISTEN"),
        ({"HVX_LISTEN": "127.0.0.1:99999"}, "HVX_LISTEN"),
        ({"HVX_DATABASE_URL": "mysql://localhost/hvx"}, "HVX_DATABASE_URL"),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start_and_is_named(
    tmp_path: Path, env: dict[str, str], says: str
) -> None:
    done = manage(tmp_path, "serve", env=env)
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_does_not_start_on_a_database_that_was_not_migrated(tmp_path: Path) -> None:
    done = manage(tmp_path, "serve", env={})
    assert done.returncode != 0
    assert "manage.py migrate" in done.stderr


def test_a_server_whose_root_key_is_gone_does_not_start_and_makes_no_other(tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", env={}).returncode == 0
    (tmp_path / "root.key").unlink()
    for command in ("serve", "migrate"):
        done = manage(tmp_path, command, env={})
        assert done.returncode != 0
        assert "root key" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "root.key").exists()


def test_a_database_keeps_the_origin_that_it_began_with(tmp_path: Path) -> None:
    with LiveServer(tmp_path, cluster=False) as server:
        server.stop()
        done = manage(server.data_dir, "serve", env={"HVX_ORIGIN": "https://elsewhere.example"})
    assert done.returncode != 0
    assert f"belongs to {server.origin}" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", env={}).returncode == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = manage(
            tmp_path,
            "serve",
            env={"HVX_LISTEN": f"127.0.0.1:{port}", "HVX_ORIGIN": f"http://localhost:{port}"},
        )
    assert done.returncode != 0
    assert f"HVX_LISTEN=127.0.0.1:{port}" in done.stderr
    assert "listening on" not in done.stderr


def test_a_redis_that_does_not_answer_is_named(tmp_path: Path) -> None:
    env = {"HVX_REDIS_URL": "redis://127.0.0.1:1/0"}
    assert manage(tmp_path, "migrate", env=env).returncode == 0
    done = manage(tmp_path, "serve", env=env)
    assert done.returncode != 0
    assert "HVX_REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_on_an_empty_folder_says_to_migrate(tmp_path: Path) -> None:
    done = manage(tmp_path, "invite", env={})
    assert done.returncode != 0
    assert "manage.py migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_loopback_origin_of_another_port_is_warned_of(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", env={"HVX_LISTEN": "127.0.0.1:8123"})
    assert "hvx.W002" in done.stderr


def test_a_deployment_behind_tls_passes_the_deployment_check(tmp_path: Path) -> None:
    done = manage(
        tmp_path,
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        env={"HVX_ORIGIN": "https://example.org"},
    )
    assert done.returncode == 0, done.stderr


def test_a_deployment_without_tls_is_warned_of(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", "--deploy", env={"HVX_ORIGIN": "http://example.org"})
    assert "hvx.W001" in done.stderr


@pytest.mark.django_db
def test_every_answer_carries_a_nonce_a_request_id_and_leave_for_other_origins(client: Client) -> None:
    for path in ("/healthz", "/readyz", "/api/hvx/v1/instance", "/nowhere", "/api/hvx/v1/me"):
        answer = client.get(path)
        # Whether the process answers is asked without asking the cache.
        assert len(answer.get("DPoP-Nonce", "")) > 20 or path == "/healthz", path
        assert len(answer["X-Request-Id"]) == 16
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_preflight_allows_what_a_browser_client_sends(client: Client) -> None:
    answer = client.options(
        "/api/hvx/v1/me", HTTP_ORIGIN="https://elsewhere.example", HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET"
    )
    assert answer.status_code == 204
    assert "DPoP" in answer["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.django_db
def test_a_server_whose_cache_is_gone_is_alive_but_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: object, **kwargs: object) -> None:
        raise RedisConnectionError("refused")

    for verb in ("get", "set", "add"):
        monkeypatch.setattr(type(cache._connections[cache._alias]), verb, gone)  # type: ignore[attr-defined]
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json() == {"status": "unavailable", "of": "cache"}


@pytest.mark.django_db
def test_figures_are_for_the_loopback(client: Client) -> None:
    client.get("/healthz")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert b'hvx_requests_total{method="GET",status="200"}' in answer.content
    assert b"hvx_deliveries_waiting 0.0" in answer.content
    # Of what does not wait too, or nobody could tell that from a figure that is gone.
    assert b'hvx_errands_waiting{kind="poll_ended"} 0.0' in answer.content
    assert b'hvx_errands_due{kind="poll_ended"} 0.0' in answer.content


@pytest.mark.django_db
def test_figures_tell_which_errands_wait(client: Client) -> None:
    now = timezone.now()
    for number, due_at in enumerate((now, now, now + timedelta(days=1))):
        errands.put(ErrandKind.ACTOR_GONE, actor=remote(f"n{number}"), due_at=due_at)
    figures = client.get("/metrics").content.decode().splitlines()
    assert 'hvx_errands_waiting{kind="actor_gone"} 3.0' in figures
    assert 'hvx_errands_due{kind="actor_gone"} 2.0' in figures


@pytest.mark.parametrize(
    "headers",
    [
        {"REMOTE_ADDR": "203.0.113.5"},
        {"REMOTE_ADDR": ""},
        {"HTTP_X_FORWARDED_FOR": "203.0.113.5"},
    ],
)
def test_figures_are_not_for_strangers(client: Client, headers: dict[str, str]) -> None:
    assert client.get("/metrics", **headers).status_code == 404  # type: ignore[arg-type]


@pytest.mark.django_db
def test_with_a_token_figures_are_for_its_bearer_alone(client: Client, settings: Settings) -> None:
    settings.HVX_METRICS_TOKEN = "a-token-of-the-operator"
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer another").status_code == 404
    right = client.get(
        "/metrics", HTTP_AUTHORIZATION="Bearer a-token-of-the-operator", REMOTE_ADDR="203.0.113.5"
    )
    assert right.status_code == 200


@pytest.mark.needs("redis", "postgres")
def test_the_figures_of_all_workers_are_added_up(tmp_path: Path) -> None:
    with LiveServer(tmp_path, cluster=True, env={"HVX_WORKERS": "2"}) as server:
        for _ in range(40):
            # A connection each, so that both workers are asked.
            httpx.get(f"{server.url}/nowhere", trust_env=False)
        text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    assert 'hvx_requests_total{method="GET",status="404"} 40.0' in text


def test_a_failure_is_logged_without_its_words(tmp_path: Path) -> None:
    program = """
import logging, django
django.setup()
try:
    raise ValueError("what a caller had sent")
except ValueError:
    logging.getLogger("hvx").exception("a request failed")
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HVX_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**clean, "DJANGO_SETTINGS_MODULE": "hvx.settings", "HVX_DATA_DIR": str(tmp_path)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert '"exception":"ValueError"' in done.stderr
    assert "what a caller had sent" not in done.stderr
