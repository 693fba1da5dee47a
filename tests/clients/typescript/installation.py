"""The TypeScript client as users install it: built and packed as it is published, next to the frameworks."""

import json
import shutil
import tarfile
from pathlib import Path

from tests.npm import installed, npm

PACKAGE = Path(__file__).parents[3] / "clients/typescript"
PROGRAMS = Path(__file__).parent / "programs"


def pack(folder: Path) -> Path:
    """Return the archive that `npm pack` makes of the client, in a copy of it without any earlier output."""
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("dist", "node_modules", "generator"))
    (folder / "node_modules").symlink_to(installed(PACKAGE))
    (packed,) = json.loads(npm("pack", "--json", "--silent", folder=folder))
    return folder / packed["filename"]


def install(packed: Path, folder: Path) -> None:
    """Install the client from its archive, and the frameworks, into `node_modules` of a project."""
    modules = folder / "node_modules"
    modules.mkdir(parents=True)
    for package in installed(PROGRAMS).iterdir():
        (modules / package.name).symlink_to(package)
    with tarfile.open(packed) as archive:
        archive.extractall(modules, filter="data")
    (modules / "package").rename(modules / "keyledger")
