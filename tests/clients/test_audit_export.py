"""The export of the audit log, by the client and by `keyledger audit export`."""

import json
from pathlib import Path

import pytest

from keyledger import Forbidden, IncompleteAnswer, NotFound, Unavailable
from tests.app.organizations import Api, Organization
from tests.clients.command import Run
from tests.clients.conftest import Caller, Connect
from tests.clients.flaky_proxy import FlakyProxy, refusal

_EXPORT = "/v1/audit/export"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nConnection: close\r\n"
_LINE = b'{"id":"evt_1"}\n'
_CHUNK = b"%x\r\n%s\r\n" % (len(_LINE), _LINE)
CUT_OFF = (b"Transfer-Encoding: chunked\r\n\r\n" + _CHUNK, b"\r\n" + _LINE)
"""Answers without the last line: one that the connection ends early, and one that ends as if it was complete."""


@pytest.fixture
def changed(org: Organization) -> Organization:
    """An organization with changes."""
    for _ in range(3):
        org.client.delete(org.key(name="Schlüssel 鍵").path)
    return org


def test_the_client_exports_what_the_api_does(changed: Organization, manager: Caller) -> None:
    for form in ("jsonl", "csv"):
        exported = b"".join(manager.every(lambda c, form=form: c.audit.export(format=form)))
        assert exported == changed.client.get(_EXPORT, {"format": form}).content
    assert b"".join(manager.every(lambda c: c.audit.export())).count(b"\n") > 6


def test_the_client_raises_the_error_of_an_export(api: Api, connect: Connect, proxy: FlakyProxy) -> None:
    org = api.organization()
    without_grant = connect(api.url, org.key(permissions={"manage": ["keys:read"]}).secret)
    with pytest.raises(Forbidden):
        without_grant.every(lambda c: c.audit.export())
    proxy.actions = [refusal(503, "Retry-After: 90")]
    through = connect(proxy.url, org.manager.secret)
    with pytest.raises(Unavailable):
        through.every(lambda c: c.audit.export())


def test_the_client_repeats_an_export_that_did_not_start(
    changed: Organization, connect: Connect, proxy: FlakyProxy
) -> None:
    proxy.actions = ["drop", refusal(503, "Retry-After: 0")]
    exported = connect(proxy.url, changed.manager.secret).every(lambda c: c.audit.export())
    assert b"".join(exported) == changed.client.get(_EXPORT).content
    assert len(proxy.requests) == 3


def test_the_client_raises_an_error_if_an_export_is_cut_off(
    org: Organization, connect: Connect, proxy: FlakyProxy
) -> None:
    proxy.actions = [_HEAD + CUT_OFF[0]]
    with pytest.raises(IncompleteAnswer, match="Request it again"):
        connect(proxy.url, org.manager.secret).every(lambda c: c.audit.export())
    assert len(proxy.requests) == 1


def test_the_command_writes_the_export_to_standard_output_or_a_file(
    changed: Organization, run: Run, tmp_path: Path
) -> None:
    expected = {form: changed.client.get(_EXPORT, {"format": form}).content for form in ("jsonl", "csv")}
    printed = run("audit", "export")
    assert (printed.returncode, printed.stdout.encode()) == (0, expected["jsonl"]), printed.stderr
    file = tmp_path / "audit-log.csv"
    written = run("audit", "export", "--format", "csv", "--output", str(file))
    assert (written.returncode, written.stdout, file.read_bytes()) == (0, "", expected["csv"])
    nothing = run("audit", "export", "--to", "2020-01-01")
    assert (nothing.returncode, json.loads(nothing.stdout)) == (0, {"end": True, "events": 0})


@pytest.mark.parametrize("answer", CUT_OFF)
def test_the_command_reports_an_export_that_was_cut_off(run: Run, proxy: FlakyProxy, answer: bytes) -> None:
    proxy.actions = [_HEAD + answer]
    ran = run("audit", "export", "--url", proxy.url)
    assert (ran.returncode, ran.stdout) == (3, _LINE.decode())
    assert "The response is incomplete" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("answer", [*[_HEAD + each for each in CUT_OFF], refusal(403)])
def test_a_failed_export_leaves_no_file(run: Run, proxy: FlakyProxy, tmp_path: Path, answer: bytes) -> None:
    file = tmp_path / "audit-log.jsonl"
    proxy.actions = [answer]
    ran = run("audit", "export", "--url", proxy.url, "--output", str(file))
    assert ran.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_an_export_replaces_no_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "audit-log.jsonl"
    file.write_text("the last one")
    refused = run("audit", "export", "--output", str(file))
    assert (refused.returncode, "exists already" in refused.stderr) == (2, True)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [(file.name, "the last one")]


def test_a_file_that_cannot_be_written_is_named(run: Run) -> None:
    ran = run("audit", "export", "--output", "/dev/full/export")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "The file /dev/full/export cannot be written: Not a directory." in ran.stderr


def test_an_unknown_change_is_refused(manager: Caller) -> None:
    with pytest.raises(NotFound):
        manager.do(lambda c: c.audit.get("evt_unknown"))
