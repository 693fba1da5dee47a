"""Everything that depends on the time uses one clock."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "infrastructure", "eventstore", "projections", "gateway", "app", "workers")
OTHER_CLOCKS = re.compile(
    r"datetime\.(now|utcnow|today)\(|\bdate\.today\(|\btime\.time(_ns)?\(|\bfrom time import [^\n]*\btime(_ns)?\b"
)
ALLOWED = {Path("infrastructure/clock.py"), Path("app/observability/tracing/spans.py")}
"""Traces are compared with those of other services, whose machines have their own clocks."""


@pytest.mark.parametrize("package", PACKAGES)
def test_the_current_time_comes_from_the_corrected_clock(package: str) -> None:
    found = {
        path.relative_to(ROOT)
        for path in (ROOT / package).rglob("*.py")
        if OTHER_CLOCKS.search(path.read_text("utf-8"))
    }
    assert found - ALLOWED == set()


def test_only_the_comparison_with_the_database_reads_the_uncorrected_clock() -> None:
    """`own_now` is not corrected."""
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\bown_now\(", path.read_text("utf-8"))
    }
    assert found == {"infrastructure/clock.py", "infrastructure/database/clock.py", "app/verification/batch_context.py"}
