"""Rules for the Markdown documents: their links, the files and decisions that they name, indexes and line length."""

import os
import re
from pathlib import Path

import pytest

from tests.architecture.conftest import ROOT

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(
    r"`((?:app|benchmarks|clients|docs|domain|embedded|eventstore|examples|gateway|infrastructure|projections|tests|workers)"
    r"/[\w./-]+?)(?::\d+)?`"
)
_DECISION_REFERENCE = re.compile(r"decisions?[ /]+(\d{1,4})\b")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINE_LENGTH_MAX = 120
_DECISION_SECTIONS = ["Question", "Decision", "Alternatives", "Consequences"]
_DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))


def _files(*endings: str) -> list[Path]:
    """Return the files of the checkout with these endings. Hidden folders and `node_modules` belong to tools."""
    found: list[Path] = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        found += [Path(folder, name) for name in names if name.endswith(endings)]
    return sorted(found)


def _anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub renders it (https://github.github.com/gfm)."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


_DOCUMENTS = _files(".md")
_DOCUMENT_NAMES = [str(path.relative_to(ROOT)) for path in _DOCUMENTS]


def test_the_main_documents_exist() -> None:
    assert {"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "clients/python/README.md"} <= set(_DOCUMENT_NAMES)


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_DOCUMENT_NAMES)
def test_every_link_has_a_target(document: Path) -> None:
    for target in _LINK.findall(document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = document.parent / name if name else document
        assert found.exists(), target
        if anchor:
            assert anchor in map(_anchor, _HEADING.findall(found.read_text(encoding="utf-8"))), target


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_DOCUMENT_NAMES)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    for name in _PATH.findall(document.read_text(encoding="utf-8")):
        assert (ROOT / name).exists() or (document.parent / name).exists(), name


def test_the_index_of_the_documentation_links_every_page() -> None:
    index = ROOT / "docs/README.md"
    linked = {(index.parent / target).resolve() for target in _LINK.findall(index.read_text(encoding="utf-8"))}
    pages = {path for path in (ROOT / "docs").rglob("*.md") if path != index and path not in _DECISIONS}
    assert len(pages) > 10
    assert not pages - linked


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_DOCUMENT_NAMES)
def test_documents_are_wrapped_at_120_columns(document: Path) -> None:
    """Tables and code blocks are exempt, because their lines cannot be wrapped."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > _LINE_LENGTH_MAX] == []


def test_each_decision_has_a_unique_number_in_its_title() -> None:
    numbers = [int(path.name[:4]) for path in _DECISIONS]
    assert numbers == sorted(set(numbers))
    for number, path in zip(numbers, _DECISIONS, strict=True):
        assert path.read_text(encoding="utf-8").startswith(f"# {number}. "), path.name


@pytest.mark.parametrize("path", _DECISIONS, ids=[path.name for path in _DECISIONS])
def test_a_decision_has_only_the_standard_sections_in_their_order(path: Path) -> None:
    sections = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections[:2] == _DECISION_SECTIONS[:2]
    assert sections == [name for name in _DECISION_SECTIONS if name in sections]


def test_the_index_of_decisions_lists_each_with_its_title() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    rows = [line for line in index.splitlines() if re.match(r"\| \d+ \|", line)]
    titles = {path: path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in _DECISIONS}
    assert rows == [
        f"| {int(path.name[:4])} | [{title.partition('. ')[2]}]({path.name}) |" for path, title in titles.items()
    ]


def test_every_reference_to_a_decision_names_one_that_exists() -> None:
    named = {
        (path.name, int(number))
        for path in _files(".py", ".sql", ".md", ".toml", ".yaml", "Makefile", "Dockerfile")
        for number in _DECISION_REFERENCE.findall(path.read_text(encoding="utf-8"))
    }
    assert len(named) > 3
    numbers = {int(path.name[:4]) for path in _DECISIONS}
    assert not {(name, number) for name, number in named if number not in numbers}
