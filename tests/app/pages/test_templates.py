"""The templates of the pages, as files: nothing in them is left over."""

import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path("app/pages/templates")
TEXTS = {path: path.read_text() for path in sorted(FOLDER.rglob("*.html"))}

_IMPORT = re.compile(r'{% from "[^"]+" import ([^%]+) %}')
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


def test_every_icon_is_on_a_page() -> None:
    """Pages name an icon as a text, in a template or in the declaration of the menu."""
    others = [text for path, text in TEXTS.items() if path.name not in {"icons.html", "specimen.html"}]
    shown = "\n".join([*others, *(path.read_text() for path in FOLDER.parent.rglob("navigation.py"))])
    icons = _ICON.findall((FOLDER / "parts/icons.html").read_text())
    assert icons
    assert [name for name in icons if not re.search(rf'(?:icon|notice|notice_box|Entry)\(.*"{name}"', shown)] == []
