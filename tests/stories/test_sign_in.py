"""Sign-in of the owner of the demo organization, as the README describes it."""

import stat
from pathlib import Path

from embedded.processes import wait_for
from tests.app.browser import browser
from tests.ports import free_port
from tests.stories.running import ROOT, running
from tests.waiting import stretched


def test_the_demo_owner_signs_in_with_the_printed_link(tmp_path: Path) -> None:
    assert "enter `owner@demo.example`" in (ROOT / "README.md").read_text("utf-8")
    home = tmp_path / "home"
    with running(home, free_port()) as run, browser(f"http://127.0.0.1:{run.port}") as screen:
        screen.go("/")
        screen.send(screen.forms[0], email="owner@demo.example")
        run.wait_for_line("/sign-in/confirm?token=")
        (link,) = [line.strip() for line in run.lines if "?token=" in line]
        screen.go(link)
        screen.send(screen.forms[0])
        assert screen.path == "/account"
        assert "owner@demo.example" in screen.page.text
        mails = home / "mail.txt"
        assert wait_for(lambda: link in mails.read_text(), stretched(10))
        assert stat.S_IMODE(mails.stat().st_mode) == 0o600
        token = link.partition("?token=")[2]
        logs = [log.read_bytes() for log in (home / "logs").glob("*.log*")]
        assert logs
        assert not any(token.encode() in log for log in logs)
