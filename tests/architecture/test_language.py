"""Texts use plain English: the phrases that earlier texts had too many of do not come back."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.conftest import ROOT

FOLDERS = (
    "app",
    "benchmarks",
    "clients",
    "docs",
    "domain",
    "embedded",
    "eventstore",
    "examples",
    "gateway",
    "infrastructure",
    "projections",
    "tests",
    "workers",
)
SUFFIXES = {".py", ".md", ".sql", ".html", ".toml", ".yaml", ".lua", ".ts", ".mjs"}

MARKERS = re.compile(
    r"\b(can not|whoever|whosoever|whomever|whatsoever|for ever|anew|says? why|said why|leash|patience|seldom"
    r"|surroundings|meddler|fickle|heed|bestow|thereof|hitherto)\b",
    re.IGNORECASE,
)
DOCSTRING_STARTS = re.compile(r"\s*(What|Whatever|Who|Whom|Whose|How many|That)\b")
"""A docstring starts with a noun phrase or a verb."""

THIS_FILE = Path(__file__)


def texts() -> list[Path]:
    """Return all files with texts, without generated ones and the SQL scripts that have been released."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    files += [path for path in ROOT.iterdir() if path.suffix in SUFFIXES]
    return [
        path
        for path in files
        if path != THIS_FILE
        and not {".venv", "node_modules", "__pycache__", "golden"} & set(path.parts)
        and not (path.suffix == ".sql" and (path.parent.name == "migrations" or path.name.startswith("schema")))
    ]


def test_no_text_contains_a_marker_phrase() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {marker[0]}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (marker := MARKERS.search(line))
    ]
    assert found == []


def test_docstrings_start_with_a_noun_or_a_verb() -> None:
    found: list[str] = []
    for path in texts():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = ast.get_docstring(node)
                if docstring and DOCSTRING_STARTS.match(docstring):
                    found.append(f"{path.relative_to(ROOT)}: {docstring.splitlines()[0]}")
    assert found == []


@pytest.mark.parametrize("text", ["It can not be done", "Whoever asks", "kept for ever"])
def test_the_pattern_finds_the_phrases(text: str) -> None:
    assert MARKERS.search(text)
