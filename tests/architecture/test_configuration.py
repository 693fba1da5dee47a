"""Every setting is documented, and nothing else is."""

import ast
import re

from tests.architecture.conftest import ROOT, modules

SETTING = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
READ_IN = {"app/config.py", "workers/config.py", "infrastructure/database/logins.py"}


def settings() -> set[str]:
    return {
        node.value
        for name, tree in modules()
        if name in READ_IN
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SETTING.fullmatch(node.value)
    }


def documented() -> set[str]:
    """Return the first column of the table in docs/configuration.md."""
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([A-Z0-9_]+)` \|", page, re.MULTILINE))


def test_every_setting_is_in_the_table_of_the_configuration_page() -> None:
    assert {"DATABASE_URL", "REDIS_URL", "WORKERS", "KEYLEDGER_MASTER_KEY"} <= settings()
    assert settings() <= documented()


def test_the_table_promises_no_setting_that_nobody_reads() -> None:
    # The folder of `make run` is read by the program that starts the others.
    assert documented() - settings() <= {"KEYLEDGER_HOME"}


def test_the_containers_hand_on_every_setting_that_means_something_to_them() -> None:
    # A file of mails and the data folder are for one machine; figures are shared inside a container; the image has no
    # OpenTelemetry.
    not_theirs = {name for name in documented() if name.startswith("OTEL_")}
    not_theirs |= {"KEYLEDGER_MAIL_FILE", "KEYLEDGER_HOME", "PROMETHEUS_MULTIPROC_DIR"}
    handed_on = set(re.findall(r"^ +([A-Z_]+): ", (ROOT / "compose.yaml").read_text(encoding="utf-8"), re.MULTILINE))
    assert documented() - not_theirs <= handed_on


def test_the_environment_is_read_where_a_process_begins_and_nowhere_else() -> None:
    reading = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    }
    beginnings = {name for name in reading if name.endswith("__main__.py") or name.startswith("embedded/")}
    assert reading - beginnings <= {"app/application.py", "workers/worker.py", "workers/job_runner.py"}
