"""The compose file against the Compose Specification's own schema, and what the schema cannot see."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.live import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
COMPOSE = DEPLOY / "compose.yaml"


def against_the_schema(path: Path) -> subprocess.CompletedProcess[str]:
    """check-jsonschema carries the schema, so nothing is fetched."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def test_a_service_with_an_unknown_property_is_not_accepted(tmp_path: Path) -> None:
    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("    healthcheck:", "    healthchek:"))
    done = against_the_schema(broken)
    assert done.returncode == 1
    assert "healthchek" in done.stdout


def test_the_compose_file_fits_the_specification() -> None:
    done = against_the_schema(COMPOSE)
    assert done.returncode == 0, done.stdout


def test_only_nginx_is_reached_from_outside(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    assert compose["networks"]["inside"]["internal"] is True
    for name, service in services.items():
        if name != "nginx":
            assert service["networks"] == ["inside"]


def test_the_proxy_that_the_server_believes_is_nginx(compose: dict[str, Any]) -> None:
    nginx = compose["services"]["nginx"]["networks"]["inside"]["ipv4_address"]
    assert compose["services"]["hvx"]["environment"]["HVX_TRUSTED_PROXIES"] == nginx


def test_redis_writes_nothing_to_a_disk(compose: dict[str, Any]) -> None:
    redis = compose["services"]["redis"]
    assert redis["command"] == ["redis-server", "--save", "", "--appendonly", "no"]
    assert "volumes" not in redis


def test_every_name_that_a_service_uses_is_declared(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service["networks"]) <= set(compose["networks"])
        assert set(service.get("depends_on", ())) <= set(compose["services"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).exists()
            elif not source.startswith("${"):
                assert source in compose["volumes"]


def test_every_setting_of_the_compose_file_is_one_that_the_server_reads(compose: dict[str, Any]) -> None:
    source = (REPOSITORY / "hvx" / "settings.py").read_text()
    for name in compose["services"]["hvx"]["environment"]:
        assert f'"{name}"' in source


def test_the_image_holds_every_room_of_the_server() -> None:
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY")}
    rooms = {app for app in settings.INSTALLED_APPS if (REPOSITORY / app / "apps.py").exists()}
    assert "hvx" in rooms
    assert rooms <= copied
    assert all((REPOSITORY / name).exists() for name in copied if name != "requirements.lock")
