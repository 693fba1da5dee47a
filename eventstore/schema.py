"""The schema of the log, for the migration runner."""

from pathlib import Path

from infrastructure.database.migrate import Script

_MIGRATIONS = Path(__file__).with_name("migrations")


def log_scripts() -> list[Script]:
    """Return the scripts of the log in the order of their numbers."""
    return [Script(path.stem, path.read_bytes()) for path in sorted(_MIGRATIONS.glob("[0-9]*.sql"))]
