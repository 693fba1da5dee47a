"""Guarantees of the container files. The tests read the files, because Docker may not be available to run them."""

import json
import os
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import redis
import yaml

from embedded.binaries import find_valkey
from tests.random_input import random_bytes
from tests.waiting import eventually

_ROOT = Path(__file__).parents[2]
_COMPOSE: dict[str, Any] = yaml.safe_load((_ROOT / "compose.yaml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_DOCKERFILE = (_ROOT / "Dockerfile").read_text()
_SECRET = re.compile(r"PASSWORD|MASTER_KEY|SECRET|TOKEN")


def _references(text: str) -> list[tuple[str, str]]:
    """Return each `${NAME<rest>}` as (NAME, rest)."""
    return re.findall(r"\$\{([A-Z_]+)([^}]*)\}", text)


def test_compose_starts_every_part_that_make_run_starts() -> None:
    always = {name for name, service in _SERVICES.items() if "profiles" not in service}
    assert always == {"postgres", "valkey", "migrate", "api", "worker", "scheduler"}


def test_the_compose_file_conforms_to_the_specification() -> None:
    """The schema is from https://github.com/compose-spec/compose-spec, bundled with check-jsonschema."""
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    validator = jsonschema_rs.validator_for(json.loads(schema.read_text()))
    assert [error.message for error in validator.iter_errors(_COMPOSE)] == []
    assert not validator.is_valid({**_COMPOSE, "services": {"api": {"memory_limit": "1g"}}})


@pytest.mark.parametrize("name", sorted(_SERVICES))
def test_every_container_has_a_memory_limit_and_a_pinned_version(name: str) -> None:
    service = _SERVICES[name]
    assert service["mem_limit"]
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    image, _, version = service["image"].partition(":")
    if "build" not in service:
        assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?", version), image


def test_no_password_is_on_a_command_line() -> None:
    for service in _SERVICES.values():
        lines = [
            service.get("command", ""),
            service.get("entrypoint", ""),
            service.get("healthcheck", {}).get("test", ""),
        ]
        references = _references(str(lines))
        assert not [name for name, _ in references if _SECRET.search(name)]


def test_valkey_gets_its_password_from_standard_input(tmp_path: Path) -> None:
    """Run the shell command of the container with the Valkey program of this machine."""
    shell, option, script = _SERVICES["valkey"]["command"]
    script = script.replace("$$", "$").replace("docker-entrypoint.sh valkey-server", str(find_valkey()))
    socket = tmp_path / "valkey.sock"
    script = script.replace("--appendonly", f"--port 0 --unixsocket {socket} --dir {tmp_path} --appendonly")
    secret = random_bytes(24).hex()
    with subprocess.Popen([shell, option, script], env={**os.environ, "REDISCLI_AUTH": secret}) as server:
        try:
            eventually(socket.exists)
            with redis.Redis(unix_socket_path=str(socket)) as unauthenticated, pytest.raises(redis.AuthenticationError):
                unauthenticated.ping()  # pyright: ignore[reportUnknownMemberType]
            with redis.Redis(unix_socket_path=str(socket), password=secret) as client:
                assert client.ping() is True  # pyright: ignore[reportUnknownMemberType]
                settings = str(client.config_get("appendonly"))  # pyright: ignore[reportUnknownMemberType]
                assert "yes" in settings
                memory = str(client.config_get("maxmemory*"))  # pyright: ignore[reportUnknownMemberType]
                assert str(320 * 1024 * 1024) in memory
                assert "noeviction" in memory
            assert secret.encode() not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
        finally:
            server.terminate()


def test_only_the_migrations_have_the_login_that_owns_the_schema() -> None:
    for name, service in _SERVICES.items():
        values = [str(value) for value in service.get("environment", {}).values()]
        holds = any("POSTGRES_PASSWORD" in value for value in values)
        assert holds == (name in {"postgres", "migrate"}), name
    for name in ("migrate", "api", "worker", "scheduler"):
        assert _SERVICES[name]["environment"]["DATABASE_URL"].startswith("postgresql://keyledger_runtime:${KEYLEDGER_D")


def test_a_recovering_server_is_not_reported_unhealthy_or_killed() -> None:
    for name in ("postgres", "valkey"):
        assert _SERVICES[name]["healthcheck"]["start_period"] == "24h"
        assert _SERVICES[name]["stop_grace_period"] == "10m"


def test_postgresql_is_not_ready_while_its_data_is_initialized() -> None:
    """The image initializes the database with a temporary server that listens only on the socket."""
    check = _SERVICES["postgres"]["healthcheck"]["test"]
    assert check[:3] == ["CMD", "pg_isready", "--host=127.0.0.1"]


def test_valkey_refuses_writes_before_its_container_exceeds_the_memory_limit() -> None:
    (limit,) = re.findall(r"\$\{VALKEY_MEMORY:-(\d+)m\}", _SERVICES["valkey"]["mem_limit"])
    (most,) = re.findall(r"--maxmemory \$\{VALKEY_MAXMEMORY:-(\d+)mb\}", _SERVICES["valkey"]["command"][-1])
    assert int(most) < int(limit)


@pytest.mark.parametrize("name", ["migrate", "api", "worker", "scheduler"])
def test_the_time_to_stop_can_be_raised_with_the_grace_period(name: str) -> None:
    assert _SERVICES[name]["stop_grace_period"] == "${KEYLEDGER_STOP_GRACE:-40s}"


def test_no_secret_has_a_default() -> None:
    secrets = [(name, rest) for name, rest in _references((_ROOT / "compose.yaml").read_text()) if _SECRET.search(name)]
    # An empty value is safe: without a provider its secret is not used, and without a token only private networks can
    # read metrics.
    optional = {"OIDC_CLIENT_SECRET", "KEYLEDGER_METRICS_TOKEN"}
    assert {(name, rest) for name, rest in secrets if name in optional} == {(name, ":-") for name in optional}
    needed = [(name, rest) for name, rest in secrets if name not in optional]
    assert {name for name, _ in needed} == {
        "POSTGRES_PASSWORD",
        "KEYLEDGER_DATABASE_PASSWORD",
        "VALKEY_PASSWORD",
        "KEYLEDGER_MASTER_KEY",
    }
    for name, rest in needed:
        assert rest.startswith(":?set "), f"{name} has no message that says what to set"


def test_every_secret_comes_from_the_environment() -> None:
    for service in _SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if _SECRET.search(name) or name.endswith(("_URL", "_AUTH")):
                assert "${" in str(value), name


@pytest.mark.parametrize("name", sorted(set(_SERVICES) - {"migrate"}))
def test_every_long_running_part_has_a_health_check_and_is_restarted(name: str) -> None:
    assert _SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert _SERVICES[name]["restart"] == "unless-stopped"


def test_the_migrations_run_once_before_the_parts_that_need_them() -> None:
    assert _SERVICES["migrate"]["restart"] == "no"
    for name in ("api", "worker", "scheduler"):
        assert _SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_only_the_api_and_the_metrics_servers_publish_ports_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in _SERVICES.items() if "ports" in service}
    assert set(published) == {"api", "prometheus", "grafana"}
    assert published["api"] == ["127.0.0.1:${PORT:-8000}:8000"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_the_metrics_servers_are_optional_and_mount_existing_files() -> None:
    assert _SERVICES["prometheus"]["profiles"] == _SERVICES["grafana"]["profiles"] == ["observability"]
    mounts = [mount for name in ("prometheus", "grafana") for mount in _SERVICES[name]["volumes"]]
    sources = [mount.partition(":")[0] for mount in mounts if mount.startswith("./")]
    assert sources
    assert all((_ROOT / source).exists() for source in sources)


@pytest.mark.parametrize("name", ["migrate", "api", "worker", "scheduler"])
def test_the_containers_of_the_service_have_read_only_file_systems_and_no_capabilities(name: str) -> None:
    service = _SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_data_survives_its_containers() -> None:
    assert _SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert _SERVICES["valkey"]["volumes"] == ["valkey:/data"]
    assert set(_COMPOSE["volumes"]) == {"postgres", "valkey", "prometheus", "grafana"}


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)$", _DOCKERFILE, re.MULTILINE)
    assert users
    assert users[-1].isdigit()
    assert int(users[-1]) != 0
    assert _DOCKERFILE.index("USER ") < _DOCKERFILE.index("\nCMD ")


def test_the_image_contains_every_package_that_its_commands_need_and_is_built_from_the_lock_file() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", _DOCKERFILE, re.MULTILINE))
    assert copied == {"domain", "infrastructure", "eventstore", "projections", "gateway", "workers", "app"}
    assert "uv sync --frozen --no-default-groups" in _DOCKERFILE
    allowed = set(re.findall(r"^!(.+)$", (_ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert allowed == copied | {"pyproject.toml", "uv.lock"}


def test_the_versions_in_the_image_are_pinned() -> None:
    assert set(re.findall(r"^FROM (\S+)", _DOCKERFILE, re.MULTILINE)) == {"python:3.13.11-slim-trixie"}
    assert re.search(r"pip install .* uv==\d+\.\d+\.\d+$", _DOCKERFILE, re.MULTILINE)


def test_the_health_checks_of_the_api_fail_if_keys_cannot_be_verified() -> None:
    (check,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (.*)$", _DOCKERFILE, re.MULTILINE)
    for program in (check, " ".join(_SERVICES["api"]["healthcheck"]["test"])):
        assert "/health/ready" in program
