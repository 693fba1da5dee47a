"""Windows of one Chromium per process, on one server per file."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.app.conftest import (  # noqa: F401
    StartApi,
    start_api,  # pyright: ignore[reportUnusedImport] -- a fixture
    started_apis,  # pyright: ignore[reportUnusedImport] -- likewise
)
from tests.app.organizations import Api, Organization
from tests.logins import runtime_url_of
from tests.programs import inherited_environment, start_program
from tests.ui.chromium import Chromium, chromium_path
from tests.ui.data import some_data
from tests.ui.looks import JOURNEY_LOOKS, Look
from tests.ui.site import Site
from tests.ui.ui import Ui


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The browser of this process. Without one, skip the tests; in CI, fail."""
    started = Chromium(chromium_path())
    yield started
    started.close()


@pytest.fixture(scope="module")
def api(start_api: StartApi) -> Api:  # noqa: F811
    """The server of the file."""
    return start_api()


@pytest.fixture
def org(api: Api) -> Organization:
    """A new organization on a plan without a key limit."""
    return api.organization()


@pytest.fixture(scope="module")
def site(api: Api) -> Site:
    """An organization with some of everything, for tests that change nothing."""
    return Site(api, some_data(api))


@pytest.fixture(scope="module")
def new_site(api: Api) -> Site:
    """An organization without data, for tests that change nothing."""
    return Site(api, api.database.organization("team"))


@pytest.fixture
def ui(chromium: Chromium, api: Api) -> Iterator[Ui]:
    """Windows on the server of the file. After the test, nothing may have happened in them that it did not expect."""
    with chromium.driven() as browser:
        opened = Ui(browser, api.url)
        yield opened
        opened.close()
    problems = opened.problems()
    assert not problems, "\n".join(problems)


@pytest.fixture(params=JOURNEY_LOOKS, ids=lambda look: look.name)
def look(request: pytest.FixtureRequest) -> Look:
    """The look of a journey, which runs once in each."""
    chosen: Look = request.param
    return chosen


@pytest.fixture(scope="module")
def workers(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run the workers and their scheduler for the server of the file, for pages that show what they derive."""
    environment = {
        **inherited_environment(),
        "DATABASE_URL": runtime_url_of(api.server.database_url),
        "REDIS_URL": api.server.redis_url,
        "KEYLEDGER_MASTER_KEY": api.server.master_key,
        "WORKERS": "1",
    }
    folder: Path = tmp_path_factory.mktemp("workers")
    started = [start_program(["workers", word], environment, folder / f"{word}.log") for word in ("run", "schedule")]
    yield
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
