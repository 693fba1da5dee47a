"""`python -m infrastructure.settings_table PAGE`: renew the table of settings in PAGE, docs/configuration.md."""

import re
import sys
from pathlib import Path

from msgspec.structs import fields

from infrastructure.setting import Process, Setting
from infrastructure.settings import SETTINGS, Settings

_HEAD = "| Variable | Default | Meaning | Read by |\n|---|---|---|---|\n"
_TABLE = re.compile(re.escape(_HEAD) + r"(\|.*\n)*")


def with_table(page: str) -> str:
    """Return `page` with its table of settings replaced."""
    return _TABLE.sub(lambda _: _table(), page)


def _table() -> str:
    defaults = {each.name: each.default for each in fields(Settings)}
    rows = (
        f"| `{setting.name}` | {_default(setting, defaults[name])} | {setting.help} | {_readers(setting)} |\n"
        for name, setting in SETTINGS.items()
    )
    return _HEAD + "".join(rows)


def _default(setting: Setting, value: object) -> str:
    if setting.default_text is not None:
        return setting.default_text
    if value is None or value in ("", ()):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _readers(setting: Setting) -> str:
    if set(setting.readers) == set(Process):
        return "all"
    return ", ".join(reader.value for reader in setting.readers)


def main(arguments: list[str]) -> None:
    page = Path(arguments[0])
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
