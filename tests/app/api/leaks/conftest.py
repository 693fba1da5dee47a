"""A server that accepts the reports of a GitHub whose keys the tests have."""

import pytest

from tests.app.api.leaks.github import GitHub
from tests.app.client import Client
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    return GitHub(tmp_path_factory.mktemp("github") / "keys.json")


@pytest.fixture(scope="module")
def leaks_api(start_api: StartApi, github: GitHub) -> Api:
    """A server whose data is searched for secrets at the end, like that of every server of the tests."""
    return start_api(KEYLEDGER_GITHUB_KEYS_FILE=str(github.file))


@pytest.fixture
def team(leaks_api: Api) -> Organization:
    return leaks_api.organization()


@pytest.fixture
def anyone(leaks_api: Api) -> Client:
    """A caller without a credential."""
    return leaks_api.client()
