"""Modules of the packages as syntax trees, for tests about the code itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "infrastructure", "eventstore", "projections", "gateway", "app", "workers", "embedded")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield every module of the packages as its path, such as `eventstore/execute.py`, and its tree."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))
