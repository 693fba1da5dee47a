"""The schema of every read model, for the migration runner."""

from pathlib import Path

from eventstore.migrate import Script, log_scripts

READ_MODELS = Path(__file__).parent
"""The folder that the read models lie in."""


def scripts() -> list[Script]:
    """The whole schema: the log first, then each read model by name.

    A read model begins with `schema.sql`. Once a release has it, that file is never edited: what changes later is a
    script of its own next to it, `schema_0002_what.sql` and so on, in the order of their numbers. Where rows that are
    there already have to become others, a line in `projections/rebuild/revisions.py` derives them again.
    """
    return [*log_scripts(), *read_model_scripts(READ_MODELS)]


def read_model_scripts(folder: Path) -> list[Script]:
    """The scripts of the read models below `folder`."""
    paths = sorted(folder.glob("*/schema*.sql"), key=lambda path: (path.parent.name, path.stem))
    return [Script(f"{path.parent.name}/{path.stem}", path.read_bytes()) for path in paths]
