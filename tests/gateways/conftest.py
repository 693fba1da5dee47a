"""The gateways that are installed, between one upstream and one API."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from embedded.postgres import PostgreSQL
from tests.app.conftest import StartApi, start_api, started_apis
from tests.app.organizations import Api, Organization
from tests.clients.typescript.installation import pack
from tests.gateways.measuring import Answers, Asker, Cases
from tests.gateways.programs import PROGRAMS, configured, new_setting, path_of, refuse_missing, running
from tests.gateways.upstream import Upstream, running_upstream

__all__ = ["start_api", "started_apis"]


@pytest.fixture(scope="module")
def api(start_api: StartApi) -> Api:
    """A server behind proxies, with a shorter timeout than theirs."""
    return start_api(KEYLEDGER_TRUSTED_PROXIES="127.0.0.1/32", KEYLEDGER_REQUEST_TIMEOUT_SECONDS="2.5")


@pytest.fixture(scope="module")
def org(api: Api) -> Organization:
    return api.organization()


@pytest.fixture(scope="module")
def mcp_id(org: Organization) -> str:
    return org.mcp()


@pytest.fixture(scope="module")
def upstream() -> Generator[Upstream]:
    with running_upstream() as server:
        yield server


@pytest.fixture(scope="session")
def typescript_client(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The archive of the TypeScript client, if an npm registry can be reached."""
    return pack(tmp_path_factory.mktemp("typescript") / "client") if path_of("Express") else None


@pytest.fixture(scope="module")
def askers(
    api: Api,
    org: Organization,
    mcp_id: str,
    upstream: Upstream,
    typescript_client: Path | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Asker]]:
    """By the names of the gateways that are installed."""
    folder: Path = tmp_path_factory.mktemp("gateways")
    with ExitStack() as stack:
        found: dict[str, Asker] = {}
        for name in PROGRAMS:
            if path_of(name) is not None:
                ports = api.server.port, upstream.port
                setting = new_setting(folder / name, *ports, mcp_id, org.manager.secret, typescript_client)
                gateway = stack.enter_context(running(name, setting, configured(name, setting)))
                found[name] = Asker(gateway, upstream)
        yield found


@pytest.fixture(params=PROGRAMS)
def asker(request: pytest.FixtureRequest, askers: Mapping[str, Asker]) -> Asker:
    """Each gateway and application."""
    refuse_missing(request.param)
    return askers[request.param]


@pytest.fixture(params=[name for name, program in PROGRAMS.items() if program.passes_on])
def proxy(request: pytest.FixtureRequest, askers: Mapping[str, Asker]) -> Asker:
    """Each gateway with an upstream behind it."""
    refuse_missing(request.param)
    return askers[request.param]


@pytest.fixture(scope="module")
def decisions(api: Api, org: Organization, mcp_id: str, askers: Mapping[str, Asker]) -> Answers:
    return Cases(api, org, mcp_id, list(askers.values())).decisions()


@pytest.fixture(scope="module")
def outages(api: Api, org: Organization, mcp_id: str, askers: Mapping[str, Asker], postgres: PostgreSQL) -> Answers:
    return Cases(api, org, mcp_id, list(askers.values())).outages(postgres)
