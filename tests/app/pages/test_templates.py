"""The templates of the pages, as files: nothing in them is left over."""

import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path("app/pages/templates")
TEXTS = {path: path.read_text() for path in sorted(FOLDER.rglob("*.html"))}

_IMPORT = re.compile(r'{% from "[^"]+" import ([^%]+) %}')
_BUTTON_ROW = re.compile(r'<div class="button-row">(.*?)</div>', re.DOTALL)
_TABLE = re.compile(r"<table.*?</table>|{{ activity_table\(.*?}}", re.DOTALL)
_BELOW = 400
_WITHOUT_ZONE = {"activity_table.html", "specimen.html"}
"""Parts of pages, and a page without data."""

_ICON = re.compile(r'^  "([a-z-]+)": ', re.MULTILINE)


def _imported(text: str) -> Iterator[str]:
    for names in _IMPORT.findall(text):
        yield from (name.strip().rpartition(" as ")[2] for name in names.split(","))


def test_a_template_uses_what_it_imports() -> None:
    assert TEXTS
    unused = {
        (str(path), name)
        for path, text in TEXTS.items()
        for name in _imported(text)
        if not re.search(rf"(?<![\w.]){name}(?:\(| %}}| -%}})", _IMPORT.sub("", text))
    }
    assert unused == set()


def test_forms_end_with_the_button_that_sends_them() -> None:
    """The way back comes first, as in dialogs, where the focus starts there if the action destroys something."""
    rows = [(path, row) for path, text in TEXTS.items() for row in _BUTTON_ROW.findall(text) if "<button" in row]
    assert rows
    assert [str(path) for path, row in rows if row.rfind("<a ") > row.index("<button") and "submit" in row] == []


def test_the_zone_of_times_is_said_once_below_each_table() -> None:
    tables = [
        (path, text[table.end() :].partition("</section>")[0][:_BELOW])
        for path, text in TEXTS.items()
        for table in _TABLE.finditer(text)
        if re.search(r"\b(?:ago|at_instant)\(|activity_table\(", table.group()) and path.name not in _WITHOUT_ZONE
    ]
    assert len(tables) > 9
    assert [str(path) for path, below in tables if below.count("UTC") + below.count("activity_foot") != 1] == []


def test_every_icon_is_on_a_page() -> None:
    """Pages name an icon as a text, in a template or in the declaration of the menu."""
    others = [text for path, text in TEXTS.items() if path.name not in {"icons.html", "specimen.html"}]
    shown = "\n".join([*others, *(path.read_text() for path in FOLDER.parent.rglob("navigation.py"))])
    icons = _ICON.findall((FOLDER / "parts/icons.html").read_text())
    assert icons
    assert [name for name in icons if not re.search(rf'(?:icon|notice|notice_box|Entry)\(.*"{name}"', shown)] == []
