"""The metadata of the client package: version, dependencies and type information."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

from keyledger import __version__

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "clients/python"
_PROJECT = tomllib.loads((_PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_version_matches_the_package_metadata() -> None:
    assert _PROJECT["version"] == __version__


def test_only_declared_dependencies_are_imported() -> None:
    imported: dict[str, set[str]] = {}
    for file in (_PACKAGE / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            for name in names:
                imported.setdefault(name.partition(".")[0], set()).add(file.name)
    third_party = {name: files for name, files in imported.items() if name not in sys.stdlib_module_names}
    assert set(third_party) == {"keyledger", "msgspec", "httpx2", "tomli_w", "litestar"}
    assert third_party["litestar"] == {"litestar.py"}
    assert {text.partition(">")[0] for text in _PROJECT["dependencies"]} == {"msgspec", "httpx2", "tomli-w"}


def test_litestar_is_not_imported_without_the_guard() -> None:
    script = "import sys, keyledger, keyledger.asgi, keyledger.cli.main; assert 'litestar' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30, env={"PYTHONPATH": str(_PACKAGE / "src")})


def test_the_guard_without_litestar_names_the_extra_to_install() -> None:
    script = "import sys; sys.modules['litestar'] = None; import keyledger.litestar"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={"PYTHONPATH": str(_PACKAGE / "src")},
    )
    assert ran.returncode == 1
    assert "pip install 'keyledger[litestar]'" in ran.stderr.splitlines()[-1]
    assert "litestar" in _PROJECT["optional-dependencies"]


def test_the_package_is_marked_as_typed() -> None:
    assert (_PACKAGE / "src/keyledger/py.typed").is_file()
