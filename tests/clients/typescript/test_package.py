"""The npm package: its files, types, versions and dependencies."""

import json
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.clients.typescript.compiler import compile_errors
from tests.clients.typescript.installation import PACKAGE, PROGRAMS
from tests.npm import npm

_SETTINGS = json.loads((PACKAGE / "package.json").read_text("utf-8"))
_ENTRIES: list[dict[str, str]] = [entry for path, entry in _SETTINGS["exports"].items() if path != "./package.json"]
_SOURCES = sorted((PACKAGE / "src").glob("*.ts"))


def test_the_package_contains_the_modules_and_their_types_and_nothing_else(packed: Path) -> None:
    with tarfile.open(packed) as archive:
        files = {name.removeprefix("package/") for name in archive.getnames()}
    built = {f"dist/{source.stem}{suffix}" for source in _SOURCES for suffix in (".js", ".d.ts")}
    assert files == {"package.json", "README.md", "LICENSE", *built}
    for entry in _ENTRIES:
        assert {entry["types"].removeprefix("./"), entry["default"].removeprefix("./")} <= files


def test_the_license_is_that_of_the_project() -> None:
    assert (PACKAGE / "LICENSE").read_text("utf-8") == (PACKAGE.parents[1] / "LICENSE").read_text("utf-8")


def test_npm_lists_types_and_no_tests_in_the_package(packed: Path) -> None:
    (listed,) = json.loads(npm("pack", "--dry-run", "--json", "--silent", folder=packed.parent))
    paths = [file["path"] for file in listed["files"]]
    assert "dist/index.d.ts" in paths
    assert not [path for path in paths if re.search(r"test|node_modules|generator|\bsrc\b", path)]


def test_the_package_depends_on_nothing_at_run_time() -> None:
    assert not {name for name in _SETTINGS if name.endswith("ependencies")} - {"devDependencies"}
    assert set(_SETTINGS["devDependencies"]) == {"typescript", "@types/node"}
    imported = {name for source in _SOURCES for name in re.findall(r' from "([^"]+)"', source.read_text("utf-8"))}
    assert imported
    assert {name for name in imported if not name.startswith("./")} == set()


def test_the_versions_are_the_same_everywhere() -> None:
    (version,) = re.findall(r'VERSION = "(.+)"', (PACKAGE / "src/version.ts").read_text("utf-8"))
    lock = json.loads((PACKAGE / "package-lock.json").read_text("utf-8"))
    assert {_SETTINGS["version"], lock["version"], lock["packages"][""]["version"]} == {version}


@pytest.mark.parametrize("project", [PACKAGE, PROGRAMS], ids=lambda project: project.name)
def test_packages_are_pinned_and_come_from_the_public_registry(project: Path) -> None:
    lock = json.loads((project / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert package.get("resolved", "https://registry.npmjs.org/").startswith("https://registry.npmjs.org/"), name


def test_lines_have_at_most_120_characters() -> None:
    files = [*_SOURCES, *(path for path in PROGRAMS.iterdir() if path.suffix in {".ts", ".mjs"})]
    lines = [
        f"{file.name}: {line}" for file in files for line in file.read_text("utf-8").splitlines() if len(line) > 120
    ]
    assert lines == []


@pytest.mark.parametrize("is_exact", [True, False])
def test_programs_have_the_types_of_the_document(project: Path, *, is_exact: bool) -> None:
    program = project / f"types_{is_exact}.ts"
    shutil.copy(PROGRAMS / "types.ts", program)
    assert compile_errors(project, program, exactOptionalPropertyTypes=is_exact) == ""


def test_the_compiler_reports_a_wrong_type(project: Path) -> None:
    program = project / "wrong.ts"
    program.write_text('import { VERSION } from "keyledger";\nexport const version: number = VERSION;\n', "utf-8")
    assert "Type 'string' is not assignable to type 'number'" in compile_errors(project, program)


def test_the_types_need_no_types_of_nodejs(project: Path) -> None:
    """In a browser or a worker, the types of the DOM have what the package uses."""
    program = project / "browser.ts"
    imports = [f'export * as {name} from "keyledger{path}";\n' for name, path in _ENTRY_POINTS.items()]
    program.write_text("".join(imports), "utf-8")
    options = {"types": [], "lib": ["ES2023", "DOM"], "skipLibCheck": False}
    assert compile_errors(project, program, **options) == ""


_ENTRY_POINTS = {"main": "", "express": "/express", "fetch": "/fetch"}
