"""Every setting is declared once, and everything that lists settings agrees with the declarations."""

import ast
import re

import pytest
from msgspec.structs import fields

from infrastructure.setting import API, FORMER_NAMES, MAKE_RUN, WORKERS, InvalidSetting, Process
from infrastructure.settings import SETTINGS, Settings
from infrastructure.settings_table import with_table
from tests.architecture.conftest import ROOT, modules

NAMES = {setting.name for setting in SETTINGS.values()}
LITERAL = re.compile(r"`([^`]+)`")
_LISTED = re.compile(r"KEYLEDGER_[A-Z_]+")

OTHER_VARIABLES = {
    # Settings of the containers.
    "KEYLEDGER_DATABASE_PASSWORD",
    "KEYLEDGER_MEMORY",
    "KEYLEDGER_STOP_GRACE",
    # Settings of the clients.
    "KEYLEDGER_URL",
    "KEYLEDGER_KEY",
    "KEYLEDGER_ADMIN_KEY",
    "KEYLEDGER_GATEWAY_KEY",
    "KEYLEDGER_PROFILE",
    # Set by the supervisor of `make run` for its children.
    "KEYLEDGER_EMBEDDED_CHILD",
}


def test_the_configuration_page_has_the_table_of_the_declarations() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert with_table(page) == page, "run make fix"
    assert set(re.findall(r"^\| `([A-Z0-9_]+)` \|", page, re.MULTILINE)) == NAMES


def test_every_name_is_declared_once() -> None:
    assert len(NAMES) == len(SETTINGS)
    assert not NAMES & set(FORMER_NAMES)


@pytest.mark.parametrize("attribute", SETTINGS)
def test_a_default_in_the_table_is_the_default_of_the_process(attribute: str) -> None:
    setting = SETTINGS[attribute]
    (default,) = (each.default for each in fields(Settings) if each.name == attribute)
    written = LITERAL.fullmatch(setting.default_text or "")
    if written is not None and written[1] not in {"DATABASE_URL", "http://HOST:PORT"}:
        assert setting.value(written[1]) == default


def test_the_containers_receive_exactly_the_settings_that_concern_them() -> None:
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    passed_on = set(re.findall(r"^ +([A-Z][A-Z_]+): ", compose, re.MULTILINE))
    assert {setting.name for setting in SETTINGS.values() if setting.in_containers} <= passed_on
    assert not {setting.name for setting in SETTINGS.values() if not setting.in_containers} & passed_on
    assert {name for name in passed_on if name.startswith("KEYLEDGER_")} <= NAMES


@pytest.mark.parametrize("process", [API, WORKERS, MAKE_RUN])
@pytest.mark.parametrize("former", FORMER_NAMES)
def test_a_former_name_is_refused_with_the_new_one(process: Process, former: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        Settings.from_environment({former: "1"}, process)
    assert str(refused.value) == f"{former}: was renamed. Set {FORMER_NAMES[former]}"
    assert set(_LISTED.findall(FORMER_NAMES[former])) <= NAMES


def test_an_empty_former_name_is_ignored() -> None:
    assert Settings.from_environment(dict.fromkeys(FORMER_NAMES, " "), MAKE_RUN) == Settings()


def test_code_and_documents_name_only_existing_settings() -> None:
    known = NAMES | OTHER_VARIABLES | set(FORMER_NAMES)
    pages = [ROOT / "README.md", ROOT / "compose.yaml", ROOT / "Makefile", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        assert set(_LISTED.findall(page.read_text(encoding="utf-8"))) <= known - set(FORMER_NAMES), page
    for name, tree in modules():
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert {found.rstrip("_") for text in texts for found in _LISTED.findall(text)} <= known, name


def test_only_entry_points_read_the_environment() -> None:
    modules_reading = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    }
    entry_points = {name for name in modules_reading if name.endswith("__main__.py") or name.startswith("embedded/")}
    assert modules_reading - entry_points <= {"app/application.py", "workers/worker.py", "workers/job_runner.py"}


def test_only_the_configuration_reads_the_default_plans() -> None:
    """Everything else works with the plans that the operator configured. The demo organization has the default plan."""
    modules_reading = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "domain.plans.plan"
        if "PLANS" in {imported.name for imported in node.names}
    }
    assert modules_reading == {"app/admin/demo.py", "domain/plans/overrides.py", "infrastructure/settings.py"}
