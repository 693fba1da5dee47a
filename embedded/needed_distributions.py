"""Installed distributions that the services need in production, found by following their requirements."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

_GROUPS = ("otel",)
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def needed_distributions(project_file: Path) -> dict[str, metadata.Distribution]:
    """Return the installed distributions that pyproject.toml requires, directly or indirectly, by name."""
    project = tomllib.loads(project_file.read_text())
    required: list[str] = [*project["project"]["dependencies"]]
    for group in _GROUPS:
        required += project["dependency-groups"][group]
    pending = [_read_requirement(each) for each in required]
    seen: set[tuple[str, frozenset[str]]] = set()
    found: dict[str, metadata.Distribution] = {}
    while pending:
        name, extras = pending.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # required only on another system
            continue
        for requirement in found[name].requires or ():
            extra = _EXTRA.search(requirement)
            if extra is None or _normalized(extra[1]) in extras:
                pending.append(_read_requirement(requirement))
    return found


def _read_requirement(text: str) -> tuple[str, frozenset[str]]:
    """Return the name and the extras of a requirement such as `psycopg[binary,pool]>=3.3`."""
    found = _REQUIREMENT.match(text)
    if found is None:
        raise ValueError(text)
    return _normalized(found[1]), frozenset(
        _normalized(extra) for extra in (found[2] or "").split(",") if extra.strip()
    )


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
