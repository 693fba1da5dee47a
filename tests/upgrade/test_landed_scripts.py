"""Landed schema scripts: they stay unchanged, byte for byte, because databases have applied them.

`landed_scripts.sha256` has a line for each script of the log and of the read models. Lines are added to it and never
changed or removed. A new script adds a line, which the failing test prints.
"""

from pathlib import Path

from projections.engine.schema import scripts

_LANDED = Path(__file__).with_name("landed_scripts.sha256")


def _landed() -> dict[str, str]:
    """Return the checksums by name. A name that occurs twice has its first checksum."""
    lines = [line.split("  ") for line in _LANDED.read_text().splitlines()]
    return {name: checksum for checksum, name in reversed(lines)}


def test_a_landed_script_exists_unchanged() -> None:
    found = {script.name: script.checksum for script in scripts()}
    removed = sorted(_landed().keys() - found)
    assert removed == [], "Databases have applied these scripts. Restore them, and undo what they do in a new script."
    edited = sorted(name for name, checksum in _landed().items() if found[name] != checksum)
    assert edited == [], "Databases have applied these scripts. Restore them, and add a new script for the change."


def test_every_script_is_listed() -> None:
    missing = [f"{script.checksum}  {script.name}" for script in scripts() if script.name not in _landed()]
    assert missing == [], f"Add these lines to {_LANDED.name}."
