"""Whatever depends on the time goes by one clock."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "infrastructure", "eventstore", "projections", "gateway", "app", "workers")
OTHER_CLOCKS = re.compile(
    r"datetime\.(now|utcnow|today)\(|\bdate\.today\(|\btime\.time(_ns)?\(|\bfrom time import [^\n]*\btime(_ns)?\b"
)
ALLOWED = {Path("infrastructure/clock.py"), Path("app/observability/tracing/spans.py")}
"""Traces are held against those of other services, whose machines have clocks of their own."""


@pytest.mark.parametrize("package", PACKAGES)
def test_instants_come_from_the_clock_that_the_database_corrects(package: str) -> None:
    found = {
        path.relative_to(ROOT)
        for path in (ROOT / package).rglob("*.py")
        if OTHER_CLOCKS.search(path.read_text("utf-8"))
    }
    assert found - ALLOWED == set()


def test_only_a_comparison_with_the_database_asks_the_machine_alone() -> None:
    """`own_now` is not corrected."""
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\bown_now\(", path.read_text("utf-8"))
    }
    assert found == {"infrastructure/clock.py", "infrastructure/database/clock.py", "app/verification/batch_context.py"}
