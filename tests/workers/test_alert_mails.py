"""Alert mails: to owners, admins and the key's creator, according to their preferences, once each and rate-limited."""

import asyncio
import base64
import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from freezegun import freeze_time

from domain.actor import SystemActor, UserActor
from domain.alerts.commands import AcknowledgeAlert, RaiseAlert
from domain.alerts.decider import ALERT
from domain.alerts.events import AlertType, Severity
from domain.members.commands import ChangeNotifications, ChangeRole, RemoveMember
from domain.members.notifications import ALERT_TYPES, Notifications
from domain.members.roles import authority_of
from domain.secret import Secret
from eventstore.check import check
from eventstore.execute import Write, execute, no_guard
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Pool
from infrastructure.setting_values import Smtp
from infrastructure.settings import Settings
from projections.engine.rebuild.rebuild import verify
from projections.engine.runner import run_projection
from projections.outboxes.alert_mail.follow import ALERT_NOTICES, WORTH_TELLING
from projections.outboxes.alert_mail.model import READ_MODEL
from projections.outboxes.alert_mail.queries import Notice, Recipient
from projections.registry import INLINE, INLINE_CHECKS
from tests import seed
from tests.waiting import stretched
from tests.workers.conftest import Start
from tests.workers.log_view import eventually
from tests.workers.mail_server import MailServer, mail_server
from workers.jobs.compose_alert_mails import ALERTS_MAX, INTERVAL_MIN, mail
from workers.jobs.deliver_mail import deliver
from workers.mail.alert_mails import ADVICE, alert_mail, title
from workers.raise_alert import raise_alert

pytestmark = pytest.mark.anyio

START = "2026-03-01 12:00:00"
BY = SystemActor("tests")
PUBLIC_URL = "https://keys.example.com"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as opened:
        yield opened


def config(server: MailServer | None) -> Settings:
    smtp = None if server is None else Smtp.parse(f"smtp://127.0.0.1:{server.port}")
    return Settings(master_keys=(b"k" * 32,), smtp=smtp, mail_from="keys@example.org", public_url=PUBLIC_URL)


async def raised(
    pool: Pool,
    organization_id: str,
    kind: AlertType = "api_key.expiring",
    severity: Severity = "warning",
    key_id: str | None = None,
    **numbers: int | str,
) -> str:
    command = RaiseAlert(
        alert_id=new_id("alert"),
        organization_id=organization_id,
        alert_type=kind,
        severity=severity,
        at=now(),
        key_id=key_id,
        numbers={**numbers},
    )
    assert await raise_alert(pool, BY, command)
    return command.alert_id


async def apply_alerts(pool: Pool) -> None:
    async with pool.connection() as connection:
        followed = await run_projection(connection, ALERT_NOTICES, 60)
    assert (followed.stopped, followed.delayed) == ({}, {})


async def send_mails(pool: Pool, server: MailServer) -> None:
    """Run the jobs of the workers in order."""
    await apply_alerts(pool)
    await mail(pool, config(server))
    await deliver(pool, config(server))


def mails_by_user(server: MailServer) -> dict[str, list[EmailMessage]]:
    """Return the mails by user id."""
    by_person: dict[str, list[EmailMessage]] = {}
    for _, (address,), message in server.mailbox.messages:
        by_person.setdefault(address.removesuffix("@example.com"), []).append(message)
    return by_person


def text_of(message: EmailMessage) -> str:
    text: str = message.get_content().replace("\r\n", "\n")
    return text


class Team:
    """An organization with a user in each role and two members; `maker` created the key."""

    def __init__(self, organization_id: str, people: dict[str, str], key_id: str, secret: Secret) -> None:
        self.id = organization_id
        self.people = people
        self.key_id = key_id
        self.secret = secret


@pytest.fixture
async def team(connections: Pool) -> Team:
    organization_id = await seed.organization(connections)
    people = {
        "owner": await seed.member(connections, organization_id, "owner"),
        "admin": await seed.member(connections, organization_id, "admin"),
        "maker": await seed.member(connections, organization_id, "member"),
        "member": await seed.member(connections, organization_id, "member"),
        "auditor": await seed.member(connections, organization_id, "auditor"),
        "viewer": await seed.member(connections, organization_id, "viewer"),
    }
    maker = UserActor(people["maker"])
    key_id, secret = await seed.key(connections, organization_id, by=maker, name="Deploy “1”")
    return Team(organization_id, people, key_id, secret)


async def choose(pool: Pool, team: Team, name: str, **chosen: object) -> None:
    command = ChangeNotifications(now(), **chosen)  # type: ignore[arg-type] -- each test passes its fields
    await seed.change_member(pool, team.id, team.people[name], command)


async def send_and_list_recipients(pool: Pool, server: MailServer, team: Team) -> set[str]:
    """Send the mails and return the recipients' names in the team."""
    await send_mails(pool, server)
    names = {user_id: name for name, user_id in team.people.items()}
    return {names[user_id] for user_id in mails_by_user(server)}


async def test_owners_admins_and_the_creator_of_the_key_get_a_mail(
    connections: Pool, server: MailServer, team: Team
) -> None:
    end = (now() + timedelta(days=7)).isoformat()
    alert_id = await raised(connections, team.id, key_id=team.key_id, days=7, expires_at=end)
    assert await send_and_list_recipients(connections, server, team) == {"owner", "admin", "maker"}
    (message,) = mails_by_user(server)[team.people["owner"]]
    assert message["Subject"] == "Key “Deploy “1”” expires in 7 days"
    assert message["List-Unsubscribe"] == f"<{PUBLIC_URL}/account#mails>"
    text = text_of(message)
    for part in (
        "Key “Deploy “1”” expires in 7 days.",
        "Severity: warning",
        f"expires at: {end}",
        "  days: 7",
        "Set a later date",
        f"{PUBLIC_URL}/alerts/{alert_id}",
        f"{PUBLIC_URL}/keys/{team.key_id}",
        "as the owner of Acme",
        f"{PUBLIC_URL}/account#mails",
    ):
        assert part in text, part
    assert team.secret.reveal() not in str(server.mailbox.messages)
    assert re.search(r"pk_live_\w{20}", text) is None
    (theirs,) = mails_by_user(server)[team.people["maker"]]
    assert "/alerts/" not in text_of(theirs), "the creator has no access to alerts"
    assert f"{PUBLIC_URL}/keys/{team.key_id}" in text_of(theirs)
    async with connections.connection() as connection:
        assert (await check(connection, INLINE_CHECKS)).violations == []


async def test_members_get_no_mail_about_other_keys_or_the_organization(
    connections: Pool, server: MailServer, team: Team
) -> None:
    other, _ = await seed.key(connections, team.id)
    await raised(connections, team.id, "usage.threshold", "critical", percentage=95)
    await raised(connections, team.id, "api_key.denied_burst", "critical", address="192.0.2.1")
    await raised(connections, team.id, "api_key.dormant_used", key_id=other, unused_days=90)
    assert await send_and_list_recipients(connections, server, team) == {"owner", "admin"}


async def test_only_roles_that_see_webhooks_get_a_mail_about_a_disabled_webhook(
    connections: Pool, server: MailServer, team: Team
) -> None:
    await choose(connections, team, "auditor", threshold="info")
    await choose(connections, team, "maker", threshold="info")
    await raised(connections, team.id, "webhook.disabled", "critical", webhook_id="hook_1", because="gone")
    assert await send_and_list_recipients(connections, server, team) == {"owner", "admin", "auditor"}
    (message,) = mails_by_user(server)[team.people["admin"]]
    assert message["Subject"] == "Webhook disabled: its endpoint no longer accepts deliveries"
    assert f"{PUBLIC_URL}/webhooks/hook_1" in text_of(message)
    (message,) = mails_by_user(server)[team.people["auditor"]]
    assert "/webhooks/" not in text_of(message)


async def test_members_of_other_organizations_get_no_mail(connections: Pool, server: MailServer, team: Team) -> None:
    other = await seed.organization(connections)
    owner = await seed.member(connections, other, "owner")
    await raised(connections, other)
    await send_mails(connections, server)
    assert set(mails_by_user(server)) == {owner}


@pytest.mark.parametrize(
    ("name", "chosen", "severity", "expected"),
    [
        ("owner", {}, "info", False),
        ("owner", {"threshold": "info"}, "info", True),
        ("owner", {"threshold": "critical"}, "warning", False),
        ("owner", {"threshold": "off"}, "critical", False),
        ("owner", {"threshold": "off", "thresholds": {"api_key.expiring": "warning"}}, "warning", True),
        ("owner", {"thresholds": {"api_key.expiring": "off"}}, "critical", False),
        ("owner", {"thresholds": {"api_key.error_spike": "off"}}, "warning", True),
        ("maker", {"thresholds": {"api_key.expiring": "off"}}, "critical", False),
        ("auditor", {"threshold": "warning"}, "warning", True),
        ("member", {"threshold": "info"}, "critical", False),
        ("viewer", {"threshold": "info"}, "critical", False),
    ],
)
async def test_preferences_apply_within_what_a_role_may_see(
    connections: Pool,
    server: MailServer,
    team: Team,
    name: str,
    chosen: dict[str, object],
    severity: Severity,
    *,
    expected: bool,
) -> None:
    await choose(connections, team, name, **chosen)
    await raised(connections, team.id, severity=severity, key_id=team.key_id)
    assert (name in await send_and_list_recipients(connections, server, team)) == expected


async def test_members_who_were_removed_or_opted_out_before_the_mail_is_composed_get_none(
    connections: Pool, server: MailServer, team: Team
) -> None:
    await raised(connections, team.id, key_id=team.key_id)
    await apply_alerts(connections)
    await seed.change_member(connections, team.id, team.people["maker"], RemoveMember(now()))
    await choose(connections, team, "admin", threshold="off")
    assert await send_and_list_recipients(connections, server, team) == {"owner"}
    await raised(connections, team.id, key_id=team.key_id)
    await apply_alerts(connections)
    less = ChangeRole("viewer", now(), by=seed.OWNER, authority=authority_of("owner"))
    await choose(connections, team, "admin", threshold="info")
    await seed.change_member(connections, team.id, team.people["admin"], less)
    assert await send_and_list_recipients(connections, server, team) == {"owner"}


async def test_the_role_at_delivery_determines_the_content_of_a_mail(
    connections: Pool, server: MailServer, team: Team
) -> None:
    """A mail can wait for days while the mail server is unavailable."""
    await choose(connections, team, "admin", threshold="info")
    await raised(connections, team.id, "usage.threshold", "critical", percentage=95)
    await raised(connections, team.id, key_id=team.key_id, days=7)
    await apply_alerts(connections)
    await mail(connections, config(server))
    less = ChangeRole("viewer", now(), by=seed.OWNER, authority=authority_of("owner"))
    await seed.change_member(connections, team.id, team.people["admin"], less)
    await seed.change_member(connections, team.id, team.people["maker"], RemoveMember(now()))
    await deliver(connections, config(server))
    assert set(mails_by_user(server)) == {team.people["owner"]}
    assert await send_and_list_recipients(connections, server, team) == {"owner", "admin"}
    (message,) = mails_by_user(server)[team.people["admin"]]
    assert "quota" in message["Subject"]
    assert "Deploy" not in text_of(message)
    assert len(mails_by_user(server)[team.people["owner"]]) == 1


async def test_no_mail_is_sent_for_an_acknowledged_alert(connections: Pool, server: MailServer, team: Team) -> None:
    alert_id = await raised(connections, team.id)
    await apply_alerts(connections)
    write = Write(
        decider=ALERT,
        stream_id=alert_id,
        organization_id=team.id,
        command=lambda _: AcknowledgeAlert(now(), seed.OWNER),
        guard=no_guard(),
        at=now(),
        origin=Origin(seed.OWNER),
    )
    await execute(connections, write, INLINE)
    assert await send_and_list_recipients(connections, server, team) == set()


async def test_many_alerts_are_one_mail_and_the_next_mail_is_delayed(
    connections: Pool, server: MailServer, team: Team
) -> None:
    owner = team.people["owner"]
    with freeze_time(START, real_asyncio=True) as clock:
        await raised(connections, team.id, severity="critical", key_id=team.key_id)
        await send_mails(connections, server)
        for number in range(60):
            clock.tick(timedelta(seconds=1))
            severity: Severity = "critical" if number == 59 else "warning"
            await raised(connections, team.id, "api_key.unusual_volume", severity, requests=1_000 + number)
        await send_mails(connections, server)
        clock.tick(INTERVAL_MIN - timedelta(seconds=61))
        await send_mails(connections, server)
        assert len(mails_by_user(server)[owner]) == 1
        clock.tick(timedelta(seconds=2))
        await send_mails(connections, server)
        await send_mails(connections, server)
    _, digest = mails_by_user(server)[owner]
    assert digest["Subject"] == "60 alerts of Acme: 1 critical, 59 warning"
    text = text_of(digest)
    assert text.index("requests: 1,059") < text.index("requests: 1,000"), "critical alerts are first"
    assert "And 10 more." in text
    assert text.count("rotate the key") == 1
    assert f"{PUBLIC_URL}/alerts\n" in text


async def test_alerts_beyond_the_size_of_a_mail_are_in_the_next_one(
    connections: Pool, server: MailServer, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.jobs.compose_alert_mails.ALERTS_MAX", 3)
    with freeze_time(START, real_asyncio=True) as clock:
        for _ in range(5):
            await raised(connections, team.id)
        await send_mails(connections, server)
        clock.tick(INTERVAL_MIN + timedelta(seconds=1))
        await send_mails(connections, server)
    subjects = [message["Subject"] for message in mails_by_user(server)[team.people["owner"]]]
    assert subjects == ["3 alerts of Acme: 3 warning", "2 alerts of Acme: 2 warning"]
    assert ALERTS_MAX > 100


async def test_alerts_that_waited_for_days_are_not_mailed(connections: Pool, server: MailServer, team: Team) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        await raised(connections, team.id)
        clock.tick(WORTH_TELLING)
        await send_mails(connections, server)  # no worker ran
        await raised(connections, team.id)
        await apply_alerts(connections)
        clock.tick(WORTH_TELLING)
        await send_mails(connections, server)  # no mail could be composed
        assert mails_by_user(server) == {}
        await raised(connections, team.id)
        await send_mails(connections, server)
    assert set(mails_by_user(server)) == {team.people["owner"], team.people["admin"]}


async def test_without_mail_transport_no_mail_is_composed_until_there_is_one(
    connections: Pool, server: MailServer, team: Team
) -> None:
    await raised(connections, team.id)
    await apply_alerts(connections)
    await mail(connections, config(None))
    async with connections.connection() as connection:
        assert (await connection.execute(b"select from mail_outbox")).rowcount == 0
    assert await send_and_list_recipients(connections, server, team) == {"owner", "admin"}


async def test_concurrent_and_repeated_workers_compose_one_mail_each(
    connections: Pool, server: MailServer, team: Team
) -> None:
    for _ in range(3):
        await raised(connections, team.id)
    await asyncio.gather(*[apply_alerts(connections) for _ in range(3)])
    await asyncio.gather(*[mail(connections, config(server)) for _ in range(3)])
    async with connections.connection() as connection:
        await connection.execute(b"update checkpoints set position = 0 where projection = 'alert_notices'")
    await apply_alerts(connections)
    await mail(connections, config(server))
    await deliver(connections, config(server))
    assert {name: len(messages) for name, messages in mails_by_user(server).items()} == {
        team.people["owner"]: 1,
        team.people["admin"]: 1,
    }


async def test_an_unreadable_alert_does_not_block_other_mails(
    connections: Pool, server: MailServer, team: Team
) -> None:
    other = await seed.organization(connections)
    owner = await seed.member(connections, other, "owner")
    assert owner > team.people["admin"], "the other organization comes later"
    for organization_id in (team.id, other):
        await raised(connections, organization_id)
    for numbers, expected in ((b"{", {owner}), (b"{}", {owner, team.people["owner"], team.people["admin"]})):
        async with connections.connection() as connection:
            await connection.execute(
                b"update alert_list set numbers = %s where organization_id = %s", (numbers, team.id)
            )
        await send_mails(connections, server)
        assert set(mails_by_user(server)) == expected


async def test_a_rebuild_of_the_read_model_sends_no_mail(
    connections: Pool, server: MailServer, database_url: str
) -> None:
    organization_id = await seed.organization(connections)
    await seed.member(connections, organization_id, "owner")
    await raised(connections, organization_id)
    async with connections.connection() as connection:
        await run_projection(connection, ALERT_NOTICES, 60, until={})  # no position applied
    await apply_alerts(connections)
    async with connections.connection() as connection:
        await connection.execute(b"delete from alert_notices")  # another notice would be visible
    assert (await verify(database_url, READ_MODEL)).equal
    await send_mails(connections, server)
    assert mails_by_user(server) == {}


def _notice(kind: AlertType, name: str = "Deploy", key_id: str | None = "key_1") -> Notice:
    return Notice("alert_1", kind, "warning", now(), {}, False, key_id, name, "pk_live_abcd", False)


def test_a_subject_has_a_bounded_length() -> None:
    to = Recipient("Acme", "ada@example.com", "owner", Notifications(), new_id("org"))
    subject = alert_mail(to, [_notice("api_key.expiring", "N" * 400)], now(), PUBLIC_URL).subject
    assert len(subject) == 150
    assert subject.endswith("…")


def test_every_alert_type_has_a_title_and_advice() -> None:
    assert set(ADVICE) == set(ALERT_TYPES)
    titles = {title(_notice(each), now()) for each in ALERT_TYPES}
    assert len(titles) == len(ALERT_TYPES)
    assert title(_notice("api_key.denied_burst", key_id=None), now()) not in titles


@pytest.mark.parametrize(
    ("percentage", "text"),
    [
        (80, "Monthly quota almost used up: 80 % used"),
        (100, "Monthly quota used up: further requests are refused"),
    ],
)
def test_a_used_up_quota_is_not_announced_as_almost_used_up(percentage: int, text: str) -> None:
    assert title(_notice("usage.threshold")._replace(numbers={"percentage": percentage}), now()) == text


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(days=7), "expires in 7 days"),
        (timedelta(days=6, hours=1), "expires in 7 days"),
        (timedelta(days=1), "expires in 1 day"),
        (timedelta(minutes=1), "expires in 1 day"),
        (timedelta(0), "has expired"),
    ],
)
def test_the_remaining_days_are_computed_when_the_mail_is_composed(left: timedelta, text: str) -> None:
    at = now()
    notice = _notice("api_key.expiring")._replace(numbers={"days": 30, "expires_at": (at + left).isoformat()})
    assert title(notice, at) == f"Key “Deploy” {text}"


async def test_worker_processes_write_the_mail_to_the_file(
    connections: Pool, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run every job in between, from a key that expires in five days to its mail, as in `make run`."""
    file = tmp_path / "mail.txt"
    monkeypatch.setenv("KEYLEDGER_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    monkeypatch.setenv("KEYLEDGER_MAIL_FILE", str(file))
    monkeypatch.setenv("KEYLEDGER_PUBLIC_URL", PUBLIC_URL)
    organization_id = await seed.organization(connections)
    owner = await seed.member(connections, organization_id, "owner")
    start_of_key, end = now() - timedelta(days=40), now() + timedelta(days=5)
    await seed.key(connections, organization_id, at=start_of_key, expires_at=end)
    start("run")
    start("schedule")
    start("schedule")

    async def mail_is_written() -> bool:
        return file.exists() and "Subject: Key “Deploy” expires in 5 days" in file.read_text()

    await eventually(mail_is_written, stretched(30))
    text = file.read_text()
    assert text.count("Subject: ") == 1
    assert f"To: {owner}@example.com" in text
    assert f"{PUBLIC_URL}/account#mails" in text


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("disabled", "was found in public and is disabled now"),
        ("revoked", "was found in public and is revoked now"),
        ("still_works", "was found in public and still works"),
        ("revoked_before", "was found in public and was revoked before"),
        ("secret_ended_before", "was found in public and works with its newest secret only"),
        ("of a later version", "was found in public"),
    ],
)
def test_a_mail_about_a_leaked_key_says_what_was_done(outcome: str, text: str) -> None:
    assert title(_notice("api_key.leaked")._replace(numbers={"outcome": outcome}), now()).endswith(text)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("revoked_secret", "Key “Deploy”: a revoked or replaced secret is still in use"),
        ("denied", "Key “Deploy” was refused many times"),
    ],
)
def test_the_subject_of_a_mail_says_that_a_revoked_secret_is_still_in_use(rule: str, text: str) -> None:
    to = Recipient("Acme", "ada@example.com", "owner", Notifications(), new_id("org"))
    notice = _notice("api_key.denied_burst")._replace(numbers={"rule": rule, "denied": 3})
    assert alert_mail(to, [notice], now(), PUBLIC_URL).subject == text
