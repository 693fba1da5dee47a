"""Screenshots of every page."""

import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.app.serving import ROOT
from tests.ui.looks import LIGHT, Look
from tests.ui.month import MONTH_SCREENS, README_SCREENS
from tests.ui.pages import SCREENS, Screen
from tests.ui.screenshots import LOOKS, README_LOOKS, file_name, write_screenshots
from tests.ui.site import Site
from tests.ui.ui import Ui


def files_of(*screens: Screen, looks: Sequence[Look] = LOOKS) -> set[str]:
    return {file_name(screen, look) for screen in screens for look in looks}


def width_of(picture: Path) -> int:
    """Return the width in the header of a PNG file (PNG specification §11.2.2)."""
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    (width,) = struct.unpack(">I", content[16:20])
    return int(width)


def test_each_screen_has_a_file_of_its_own_in_each_look() -> None:
    screens = (*SCREENS, *MONTH_SCREENS)
    assert len(files_of(*screens)) == len(screens) * len(LOOKS)


def test_a_screen_is_written_in_each_look_at_its_width(ui: Ui, site: Site, tmp_path: Path) -> None:
    screens = [screen for screen in SCREENS if screen.name in {"sign-in", "account"}]
    write_screenshots(ui, {"some": site, "none": site}, tmp_path, screens)
    assert {path.name for path in tmp_path.iterdir()} == files_of(*screens)
    for look in LOOKS:
        assert width_of(tmp_path / file_name(screens[0], look)) == look.width
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == len(files_of(*screens)), "none is a copy"


@pytest.mark.soak
def test_the_program_writes_every_screen(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.ui.screenshots", str(tmp_path)]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    shown = files_of(*README_SCREENS, looks=README_LOOKS)
    assert {path.name for path in tmp_path.iterdir()} == files_of(*SCREENS, *MONTH_SCREENS) | shown


def test_the_readme_shows_the_screenshots_made_for_it() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in files_of(*README_SCREENS, looks=README_LOOKS):
        assert f'"docs/screenshots/{name}"' in readme
        assert width_of(ROOT / "docs" / "screenshots" / name) == LIGHT.width
