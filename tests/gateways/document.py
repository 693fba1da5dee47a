"""The parts of `docs/gateways.md` that the tests use: the configurations, and the table of responses."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/gateways.md"

_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def configuration(section: str, language: str, changes: Mapping[str, str], number: int = 0) -> str:
    """Return a block in `language` of a section, with each key of `changes` replaced by its value.

    `number`: which of these blocks, from 0.

    Every key must occur, so that a test never runs a configuration that names something else.
    """
    sections = dict(_SECTION.findall(DOCUMENT.read_text(encoding="utf-8")))
    text = [block for known, block in _BLOCK.findall(sections[section]) if known == language][number]
    for old, new in changes.items():
        assert old in text, f"{section}: {old}"
        text = text.replace(old, new)
    return text


def rows_of_table(section: str) -> list[list[str]]:
    """Return the cells of the table in a section, without the line below the header."""
    sections = dict(_SECTION.findall(DOCUMENT.read_text(encoding="utf-8")))
    lines = [line for line in sections[section].splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [rows[0], *rows[2:]]


def as_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as Markdown, to be pasted into the document."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
