"""Screenshots of every page."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.serving import ROOT
from tests.ui.pages import SCREENS, Screen
from tests.ui.screenshots import LOOKS, file_name, write_screenshots
from tests.ui.site import Site
from tests.ui.ui import Ui


def files_of(*screens: Screen) -> set[str]:
    return {file_name(screen, look) for screen in screens for look in LOOKS}


def width_of(picture: Path) -> int:
    """Return the width in the header of a PNG file (PNG specification §11.2.2)."""
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    (width,) = struct.unpack(">I", content[16:20])
    return int(width)


def test_each_screen_has_a_file_of_its_own_in_each_look() -> None:
    assert len(files_of(*SCREENS)) == len(SCREENS) * len(LOOKS)


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
    assert {path.name for path in tmp_path.iterdir()} == files_of(*SCREENS)
