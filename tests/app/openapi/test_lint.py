"""A check of the document with an independent linter: redocly, with its strictest rules."""

import json
import subprocess
from pathlib import Path

from tests.app.openapi.test_document import SNAPSHOT
from tests.npm import installed, node

PROJECT = Path(__file__).parent / "redocly"


def lint(document: Path) -> tuple[int, list[str]]:
    """Return the exit code, and the rules that were violated."""
    program = installed(PROJECT) / "@redocly/cli/bin/cli.js"
    run = subprocess.run(
        [node(), program, "lint", document, "--extends", "recommended-strict", "--format", "json"],
        env={"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stdout.startswith("{"), run.stderr
    return run.returncode, [problem["ruleId"] for problem in json.loads(run.stdout)["problems"]]


def test_the_document_passes_the_linter() -> None:
    assert lint(SNAPSHOT) == (0, [])


def test_the_linter_reports_a_broken_document(tmp_path: Path) -> None:
    broken = tmp_path / "openapi.json"
    broken.write_text(SNAPSHOT.read_text(encoding="utf-8").replace('"summary"', '"sumary"'), encoding="utf-8")
    code, rules = lint(broken)
    assert code == 1
    assert "operation-summary" in rules
