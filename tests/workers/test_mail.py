"""Mails of the outbox: delivered at least once, encrypted until then, and erased afterwards."""

import asyncio
import os
import ssl
import stat
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from freezegun import freeze_time
from msgspec.structs import replace

from infrastructure.clock import new_id, now
from infrastructure.database.connections import WORKER_ROLE, Pool, pool
from infrastructure.encryption import Sealer
from infrastructure.setting import WORKERS, InvalidSetting
from infrastructure.setting_values import MailFile, MailTransport, Smtp
from infrastructure.settings import Settings
from projections.outboxes.mail.outbox import Mail, mail_add
from tests.ports import free_port
from tests.waiting import GENEROUS_TIMEOUTS
from tests.workers.mail_server import PASSWORD, USER, MailServer, certificate, mail_server
from workers.jobs.deliver_mail import deliver

pytestmark = pytest.mark.anyio

KEY = b"k" * 32
MAIL = Mail(to="ada@example.com", subject="Grüße from Keyledger", text="Open https://example.com/?token=kl_x\n")
SENDER = "Keyledger <keys@example.org>"

_PATIENCE_SECONDS = 60.0


def configured(transport: MailTransport | None, *keys: bytes) -> Settings:
    settings = Settings(master_keys=keys or (KEY,), mail_from=SENDER)
    match transport:
        case Smtp():
            return replace(settings, smtp=transport)
        case MailFile(path):
            return replace(settings, mail_file=path)
        case None:
            return settings


def to(server: MailServer) -> Settings:
    return configured(Smtp.parse(f"smtp://127.0.0.1:{server.port}", SENDER))


@pytest.fixture
async def outbox(database_url: str):  # noqa: ANN201 -- an async generator of a pool
    async with pool(database_url, role=WORKER_ROLE, timeouts=GENEROUS_TIMEOUTS) as opened:
        yield opened


async def put(
    outbox: Pool, mail: Mail = MAIL, *, valid_for: timedelta = timedelta(minutes=15), effect: str | None = None
) -> str:
    mail_id = new_id("mail")
    at = now()
    async with outbox.connection() as connection:
        await connection.execute(
            *mail_add(Sealer([KEY]), mail_id, mail, at=at, expires_at=at + valid_for, effect=effect)
        )
    return mail_id


async def row(outbox: Pool, mail_id: str) -> tuple[bool, bool, int]:
    """Return whether the content is still stored, whether the mail was sent, and the number of attempts."""
    async with outbox.connection() as connection:
        cursor = await connection.execute(
            b"select sealed is not null, sent_at is not null, attempts from mail_outbox where mail_id = %s", (mail_id,)
        )
        found = await cursor.fetchone()
    assert found is not None
    return found[0], found[1], found[2]


async def test_a_mail_arrives_once_and_is_erased(outbox: Pool) -> None:
    mail_id = await put(outbox)
    with mail_server() as server:
        await deliver(outbox, to(server))
        await deliver(outbox, to(server))
    ((sender, recipients, message),) = server.mailbox.messages
    assert (sender, recipients) == ("keys@example.org", ["ada@example.com"])
    assert (message["To"], message["From"], message["Subject"]) == (MAIL.to, SENDER, MAIL.subject)
    assert message["Message-ID"] == f"<{mail_id}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == MAIL.text
    assert await row(outbox, mail_id) == (False, True, 1)


async def test_a_waiting_mail_is_readable_only_with_the_master_key(outbox: Pool) -> None:
    await put(outbox)
    async with outbox.connection() as connection:
        cursor = await connection.execute(b"select sealed, o::text from mail_outbox o")
        ((sealed, text),) = await cursor.fetchall()
    for secret in ("ada@example.com", "kl_x", "Open"):
        assert secret.encode() not in bytes(sealed)
        assert secret not in text
    mail_id = await put(outbox)
    with mail_server() as server:
        await deliver(outbox, configured(Smtp.parse(f"smtp://127.0.0.1:{server.port}", SENDER), b"x" * 32))
    assert server.mailbox.messages == []
    assert await row(outbox, mail_id) == (False, False, 1)


async def test_a_mail_survives_an_unavailable_mail_server(outbox: Pool) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        first, second = await put(outbox), await put(outbox)
        unavailable = configured(Smtp.parse(f"smtp://127.0.0.1:{free_port()}", SENDER))
        await deliver(outbox, unavailable)
        assert await row(outbox, first) == (True, False, 1)
        with mail_server() as server:
            await deliver(outbox, to(server))
            assert server.mailbox.messages == []  # not retried immediately
            clock.tick(timedelta(seconds=61))
            await deliver(outbox, to(server))
        assert len(server.mailbox.messages) == 2
        assert await row(outbox, second) == (False, True, 2)


@pytest.mark.parametrize(("answer", "retried"), [("451 later", True), ("550 no such user", False)])
async def test_a_refused_mail_is_retried_only_after_a_temporary_error(
    outbox: Pool, answer: str, *, retried: bool
) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock, mail_server() as server:
        refused, other = await put(outbox), await put(outbox)
        server.mailbox.refusals.append(answer)
        await deliver(outbox, to(server))
        assert await row(outbox, other) == (False, True, 1)  # one refusal does not block the others
        assert await row(outbox, refused) == (retried, False, 1)
        clock.tick(timedelta(seconds=6))
        await deliver(outbox, to(server))
        assert len(server.mailbox.messages) == (2 if retried else 1)


async def test_an_expired_mail_is_erased(outbox: Pool) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock, mail_server() as server:
        mail_id = await put(outbox, valid_for=timedelta(minutes=15))
        clock.tick(timedelta(minutes=15))
        await deliver(outbox, to(server))
        assert server.mailbox.messages == []
        assert await row(outbox, mail_id) == (False, False, 1)


async def test_a_mail_with_an_effect_id_is_sent_once_even_if_added_twice(outbox: Pool) -> None:
    await put(outbox, effect="alert_1/ada")
    await put(outbox, effect="alert_1/ada")
    await put(outbox, effect="alert_1/bob")
    with mail_server() as server:
        await deliver(outbox, to(server))
    assert len(server.mailbox.messages) == 2


async def test_concurrent_workers_send_no_mail_twice(outbox: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine, the mail server of the test may take longer than a worker waits for one. The worker would then
    # leave the other mails that it has claimed until their lease ends.
    monkeypatch.setattr("workers.mail.sending.TIMEOUT_SECONDS", _PATIENCE_SECONDS)
    monkeypatch.setattr("workers.jobs.deliver_mail._WORK_SECONDS", _PATIENCE_SECONDS)
    mail_ids = {await put(outbox) for _ in range(30)}
    with mail_server() as server:
        await asyncio.gather(*[deliver(outbox, to(server)) for _ in range(3)])
        await deliver(outbox, to(server))
    sent = [str(message["Message-ID"]) for _, _, message in server.mailbox.messages]
    assert sorted(sent) == sorted(f"<{mail_id}@example.org>" for mail_id in mail_ids)


async def test_starttls_precedes_the_password(outbox: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = certificate(tmp_path)
    with mail_server(tls=context, login=True) as server:
        url = f"smtp://{USER}:{quote(PASSWORD, safe='')}@localhost:{server.port}?starttls=yes"
        config = configured(Smtp.parse(url, SENDER))
        untrusted = await put(outbox)
        await deliver(outbox, config)
        assert server.mailbox.messages == []  # the certificate is not trusted
        assert await row(outbox, untrusted) == (True, False, 1)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        await put(outbox)
        await deliver(outbox, config)
        assert len(server.mailbox.messages) == 1


async def test_no_mail_is_sent_without_the_required_tls(outbox: Pool) -> None:
    mail_id = await put(outbox)
    with mail_server() as server:
        await deliver(outbox, configured(Smtp.parse(f"smtp://localhost:{server.port}?starttls=yes", SENDER)))
    assert server.mailbox.messages == []
    assert await row(outbox, mail_id) == (True, False, 1)


async def test_without_a_mail_server_mails_go_to_a_file_that_only_its_owner_can_read(
    outbox: Pool, tmp_path: Path
) -> None:
    file = tmp_path / "mail.txt"
    for _ in range(2):
        await put(outbox)
    old = os.umask(0)
    try:
        await deliver(outbox, configured(MailFile(file)))
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().count("To: ada@example.com\nSubject: Grüße from Keyledger\n\nOpen https://") == 2


async def test_without_any_transport_a_mail_waits(outbox: Pool, tmp_path: Path) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        mail_id = await put(outbox)
        await deliver(outbox, configured(None))
        assert await row(outbox, mail_id) == (True, False, 1)
        clock.tick(timedelta(seconds=61))
        await deliver(outbox, configured(MailFile(tmp_path / "mail.txt")))
        assert await row(outbox, mail_id) == (False, True, 2)


SETTINGS = {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", "MAIL_FROM": SENDER}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", Smtp("mail.example.com", 587, False, True, "", "", SENDER)),
        ("smtp://u%40x:p%2F@mail.example.com:2525/", Smtp("mail.example.com", 2525, False, True, "u@x", "p/", SENDER)),
        ("smtps://mail.example.com", Smtp("mail.example.com", 465, True, False, "", "", SENDER)),
        ("smtp://mail.example.com?starttls=no", Smtp("mail.example.com", 587, False, False, "", "", SENDER)),
        ("smtp://localhost", Smtp("localhost", 587, False, False, "", "", SENDER)),
    ],
)
def test_tls_is_off_only_if_disabled_or_on_loopback(url: str, expected: Smtp) -> None:
    assert Settings.from_environment({**SETTINGS, "SMTP_URL": url}, WORKERS).mail == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"SMTP_URL": "mail.example.com"},
        {"SMTP_URL": "http://mail.example.com"},
        {"SMTP_URL": "smtp://user:hunter2@"},
        {"SMTP_URL": "smtp://user:hunter2@mail.example.com?starttls=maybe"},
        {"SMTP_URL": "smtp://user:hunter2#x@mail.example.com"},
        {"SMTP_URL": "smtp://user:hunter2/x@mail.example.com"},
        {"SMTP_URL": "smtp://user:hunter2@mail.example.com", "MAIL_FROM": ""},
        {"SMTP_URL": "smtp://user:hunter2@mail.example.com", "MAIL_FROM": "hunter"},
        {"KEYLEDGER_MASTER_KEY": "hunter2"},
    ],
)
def test_an_invalid_setting_is_reported_without_its_password(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting, match=r"SMTP_URL|MAIL_FROM|KEYLEDGER_MASTER_KEY") as error:
        Settings.from_environment({**SETTINGS, **wrong}, WORKERS)
    assert "hunter2" not in str(error.value)


def test_the_password_is_not_shown() -> None:
    config = Settings.from_environment({**SETTINGS, "SMTP_URL": "smtp://user:hunter2@mail.example.com"}, WORKERS)
    assert "hunter2" not in repr(config)
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED
