"""Mails about alerts: to those who see to them or made the key, as they chose, once each, and never a flood."""

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


async def noted(pool: Pool) -> None:
    async with pool.connection() as connection:
        followed = await run_projection(connection, ALERT_NOTICES, 60)
    assert (followed.stopped, followed.delayed) == ({}, {})


async def mailed(pool: Pool, server: MailServer) -> None:
    """As the workers do it, one after the other."""
    await noted(pool)
    await mail(pool, config(server))
    await deliver(pool, config(server))


def got(server: MailServer) -> dict[str, list[EmailMessage]]:
    """Mails by the id of the person."""
    by_person: dict[str, list[EmailMessage]] = {}
    for _, (address,), message in server.mailbox.messages:
        by_person.setdefault(address.removesuffix("@example.com"), []).append(message)
    return by_person


def text_of(message: EmailMessage) -> str:
    text: str = message.get_content().replace("\r\n", "\n")
    return text


class Team:
    """An organization with somebody in each role and two members, of whom `maker` made the key."""

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


async def choose(pool: Pool, team: Team, who: str, **chosen: object) -> None:
    command = ChangeNotifications(now(), **chosen)  # type: ignore[arg-type] -- tests say what
    await seed.change_member(pool, team.id, team.people[who], command)


async def told(pool: Pool, server: MailServer, team: Team) -> set[str]:
    """Who got a mail, by what they are called in the team."""
    await mailed(pool, server)
    names = {user_id: name for name, user_id in team.people.items()}
    return {names[user_id] for user_id in got(server)}


async def test_owners_admins_and_whoever_made_the_key_are_told(
    connections: Pool, server: MailServer, team: Team
) -> None:
    end = (now() + timedelta(days=7)).isoformat()
    alert_id = await raised(connections, team.id, key_id=team.key_id, days=7, expires_at=end)
    assert await told(connections, server, team) == {"owner", "admin", "maker"}
    (message,) = got(server)[team.people["owner"]]
    assert message["Subject"] == "Key “Deploy “1”” expires in 7 days"
    assert message["List-Unsubscribe"] == f"<{PUBLIC_URL}/account#mails>"
    text = text_of(message)
    for part in (
        "Key “Deploy “1”” expires in 7 days.",
        "Severity: warning",
        f"expires at: {end}",
        "  days: 7",
        "Set a later date",
        f"{PUBLIC_URL}/v1/alerts/{alert_id}",
        f"{PUBLIC_URL}/v1/api-keys/{team.key_id}",
        "as the owner of Acme",
        f"{PUBLIC_URL}/account#mails",
    ):
        assert part in text, part
    assert team.secret.reveal() not in str(server.mailbox.messages)
    assert re.search(r"pk_live_\w{20}", text) is None
    (theirs,) = got(server)[team.people["maker"]]
    assert "/v1/alerts/" not in text_of(theirs), "where they are not let in"
    assert f"{PUBLIC_URL}/v1/api-keys/{team.key_id}" in text_of(theirs)
    async with connections.connection() as connection:
        assert (await check(connection, INLINE_CHECKS)).violations == []


async def test_of_what_is_about_no_key_or_another_one_members_are_not_told(
    connections: Pool, server: MailServer, team: Team
) -> None:
    other, _ = await seed.key(connections, team.id)
    await raised(connections, team.id, "usage.threshold", "critical", percentage=95)
    await raised(connections, team.id, "api_key.denied_burst", "critical", address="192.0.2.1")
    await raised(connections, team.id, "api_key.dormant_used", key_id=other, unused_days=90)
    assert await told(connections, server, team) == {"owner", "admin"}


async def test_a_webhook_that_was_disabled_is_told_to_those_who_may_see_webhooks(
    connections: Pool, server: MailServer, team: Team
) -> None:
    await choose(connections, team, "auditor", threshold="info")
    await choose(connections, team, "maker", threshold="info")
    await raised(connections, team.id, "webhook.disabled", "critical", webhook_id="hook_1", because="gone")
    assert await told(connections, server, team) == {"owner", "admin", "auditor"}
    (message,) = got(server)[team.people["admin"]]
    assert message["Subject"] == "Webhook disabled: its endpoint no longer accepts deliveries"
    assert f"{PUBLIC_URL}/v1/webhooks/hook_1" in text_of(message)
    (message,) = got(server)[team.people["auditor"]]
    assert "/v1/webhooks/" not in text_of(message)


async def test_nobody_is_told_of_another_organization(connections: Pool, server: MailServer, team: Team) -> None:
    other = await seed.organization(connections)
    owner = await seed.member(connections, other, "owner")
    await raised(connections, other)
    await mailed(connections, server)
    assert set(got(server)) == {owner}


@pytest.mark.parametrize(
    ("who", "chosen", "severity", "expected"),
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
async def test_what_people_chose_is_obeyed_within_what_they_may_see(
    connections: Pool,
    server: MailServer,
    team: Team,
    who: str,
    chosen: dict[str, object],
    severity: Severity,
    *,
    expected: bool,
) -> None:
    await choose(connections, team, who, **chosen)
    await raised(connections, team.id, severity=severity, key_id=team.key_id)
    assert (who in await told(connections, server, team)) == expected


async def test_who_was_removed_or_chose_otherwise_before_the_mail_is_written_gets_none(
    connections: Pool, server: MailServer, team: Team
) -> None:
    await raised(connections, team.id, key_id=team.key_id)
    await noted(connections)
    await seed.change_member(connections, team.id, team.people["maker"], RemoveMember(now()))
    await choose(connections, team, "admin", threshold="off")
    assert await told(connections, server, team) == {"owner"}
    await raised(connections, team.id, key_id=team.key_id)
    await noted(connections)
    less = ChangeRole("viewer", now(), by=seed.OWNER, authority=authority_of("owner"))
    await choose(connections, team, "admin", threshold="info")
    await seed.change_member(connections, team.id, team.people["admin"], less)
    assert await told(connections, server, team) == {"owner"}


async def test_who_was_removed_or_sees_less_before_the_mail_is_delivered_is_told_what_they_see_now(
    connections: Pool, server: MailServer, team: Team
) -> None:
    """A mail may wait for days while the mail server is away."""
    await choose(connections, team, "admin", threshold="info")
    await raised(connections, team.id, "usage.threshold", "critical", percentage=95)
    await raised(connections, team.id, key_id=team.key_id, days=7)
    await noted(connections)
    await mail(connections, config(server))
    less = ChangeRole("viewer", now(), by=seed.OWNER, authority=authority_of("owner"))
    await seed.change_member(connections, team.id, team.people["admin"], less)
    await seed.change_member(connections, team.id, team.people["maker"], RemoveMember(now()))
    await deliver(connections, config(server))
    assert set(got(server)) == {team.people["owner"]}
    assert await told(connections, server, team) == {"owner", "admin"}
    (message,) = got(server)[team.people["admin"]]
    assert "quota" in message["Subject"]
    assert "Deploy" not in text_of(message)
    assert len(got(server)[team.people["owner"]]) == 1


async def test_of_what_somebody_saw_to_already_nobody_is_told(
    connections: Pool, server: MailServer, team: Team
) -> None:
    alert_id = await raised(connections, team.id)
    await noted(connections)
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
    assert await told(connections, server, team) == set()


async def test_many_alerts_are_one_mail_and_the_next_one_comes_later(
    connections: Pool, server: MailServer, team: Team
) -> None:
    owner = team.people["owner"]
    with freeze_time(START, real_asyncio=True) as clock:
        await raised(connections, team.id, severity="critical", key_id=team.key_id)
        await mailed(connections, server)
        for number in range(60):
            clock.tick(timedelta(seconds=1))
            severity: Severity = "critical" if number == 59 else "warning"
            await raised(connections, team.id, "api_key.unusual_volume", severity, requests=1_000 + number)
        await mailed(connections, server)
        clock.tick(INTERVAL_MIN - timedelta(seconds=61))
        await mailed(connections, server)
        assert len(got(server)[owner]) == 1
        clock.tick(timedelta(seconds=2))
        await mailed(connections, server)
        await mailed(connections, server)
    _, digest = got(server)[owner]
    assert digest["Subject"] == "60 alerts of Acme: 1 critical, 59 warning"
    text = text_of(digest)
    assert text.index("requests: 1,059") < text.index("requests: 1,000"), "what is critical comes first"
    assert "And 10 more." in text
    assert text.count("rotate the key") == 1
    assert f"{PUBLIC_URL}/v1/alerts\n" in text


async def test_more_than_fit_into_a_mail_are_in_the_next_one(
    connections: Pool, server: MailServer, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.jobs.compose_alert_mails.ALERTS_MAX", 3)
    with freeze_time(START, real_asyncio=True) as clock:
        for _ in range(5):
            await raised(connections, team.id)
        await mailed(connections, server)
        clock.tick(INTERVAL_MIN + timedelta(seconds=1))
        await mailed(connections, server)
    subjects = [message["Subject"] for message in got(server)[team.people["owner"]]]
    assert subjects == ["3 alerts of Acme: 3 warning", "2 alerts of Acme: 2 warning"]
    assert ALERTS_MAX > 100


async def test_what_waited_for_days_is_told_no_more(connections: Pool, server: MailServer, team: Team) -> None:
    with freeze_time(START, real_asyncio=True) as clock:
        await raised(connections, team.id)
        clock.tick(WORTH_TELLING)
        await mailed(connections, server)  # no worker ran
        await raised(connections, team.id)
        await noted(connections)
        clock.tick(WORTH_TELLING)
        await mailed(connections, server)  # no mail could be written
        assert got(server) == {}
        await raised(connections, team.id)
        await mailed(connections, server)
    assert set(got(server)) == {team.people["owner"], team.people["admin"]}


async def test_where_no_mail_leaves_none_is_written_and_nobody_misses_it(
    connections: Pool, server: MailServer, team: Team
) -> None:
    await raised(connections, team.id)
    await noted(connections)
    await mail(connections, config(None))
    async with connections.connection() as connection:
        assert (await connection.execute(b"select from mail_outbox")).rowcount == 0
    assert await told(connections, server, team) == {"owner", "admin"}


async def test_several_workers_at_once_and_again_write_one_mail_each(
    connections: Pool, server: MailServer, team: Team
) -> None:
    for _ in range(3):
        await raised(connections, team.id)
    await asyncio.gather(*[noted(connections) for _ in range(3)])
    await asyncio.gather(*[mail(connections, config(server)) for _ in range(3)])
    async with connections.connection() as connection:
        await connection.execute(b"update checkpoints set position = 0 where projection = 'alert_notices'")
    await noted(connections)
    await mail(connections, config(server))
    await deliver(connections, config(server))
    assert {who: len(messages) for who, messages in got(server).items()} == {
        team.people["owner"]: 1,
        team.people["admin"]: 1,
    }


async def test_an_alert_that_can_not_be_read_keeps_nobody_else_waiting(
    connections: Pool, server: MailServer, team: Team
) -> None:
    other = await seed.organization(connections)
    owner = await seed.member(connections, other, "owner")
    assert owner > team.people["admin"], "their turn comes later"
    for organization_id in (team.id, other):
        await raised(connections, organization_id)
    for numbers, expected in ((b"{", {owner}), (b"{}", {owner, team.people["owner"], team.people["admin"]})):
        async with connections.connection() as connection:
            await connection.execute(
                b"update alert_list set numbers = %s where organization_id = %s", (numbers, team.id)
            )
        await mailed(connections, server)
        assert set(got(server)) == expected


async def test_making_the_follower_anew_tells_nobody(connections: Pool, server: MailServer, database_url: str) -> None:
    organization_id = await seed.organization(connections)
    await seed.member(connections, organization_id, "owner")
    await raised(connections, organization_id)
    async with connections.connection() as connection:
        await run_projection(connection, ALERT_NOTICES, 60, until={})  # has come nowhere yet
    await noted(connections)
    async with connections.connection() as connection:
        await connection.execute(b"delete from alert_notices")  # so that whatever is noted again would be seen
    assert (await verify(database_url, READ_MODEL)).equal
    await mailed(connections, server)
    assert got(server) == {}


def _notice(kind: AlertType, name: str = "Deploy", key_id: str | None = "key_1") -> Notice:
    return Notice("alert_1", kind, "warning", now(), {}, False, key_id, name, "pk_live_abcd", False)


def test_a_subject_has_a_bounded_length() -> None:
    to = Recipient("Acme", "ada@example.com", "owner", Notifications())
    subject = alert_mail(to, [_notice("api_key.expiring", "N" * 400)], now(), PUBLIC_URL).subject
    assert len(subject) == 150
    assert subject.endswith("…")


def test_every_type_of_alert_has_words_of_its_own_and_advice() -> None:
    assert set(ADVICE) == set(ALERT_TYPES)
    titles = {title(_notice(each), now()) for each in ALERT_TYPES}
    assert len(titles) == len(ALERT_TYPES)
    assert title(_notice("api_key.denied_burst", key_id=None), now()) not in titles


@pytest.mark.parametrize(
    ("percentage", "said"),
    [
        (80, "Monthly quota almost used up: 80 % used"),
        (100, "Monthly quota used up: further requests are refused"),
    ],
)
def test_a_quota_that_is_used_up_is_no_longer_said_to_be_near(percentage: int, said: str) -> None:
    assert title(_notice("usage.threshold")._replace(numbers={"percentage": percentage}), now()) == said


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=7), "expires in 7 days"),
        (timedelta(days=6, hours=1), "expires in 7 days"),
        (timedelta(days=1), "expires in 1 day"),
        (timedelta(minutes=1), "expires in 1 day"),
        (timedelta(0), "has expired"),
    ],
)
def test_the_days_that_are_left_are_those_when_the_mail_is_written(left: timedelta, said: str) -> None:
    at = now()
    notice = _notice("api_key.expiring")._replace(numbers={"days": 30, "expires_at": (at + left).isoformat()})
    assert title(notice, at) == f"Key “Deploy” {said}"


async def test_the_processes_that_an_operator_starts_put_the_mail_into_the_file(
    connections: Pool, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `make run`: from a key that ends in five days to a mail, through every job in between."""
    file = tmp_path / "mail.txt"
    monkeypatch.setenv("KEYLEDGER_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    monkeypatch.setenv("KEYLEDGER_MAIL_FILE", str(file))
    monkeypatch.setenv("KEYLEDGER_PUBLIC_URL", PUBLIC_URL)
    organization_id = await seed.organization(connections)
    owner = await seed.member(connections, organization_id, "owner")
    begin, end = now() - timedelta(days=40), now() + timedelta(days=5)
    await seed.key(connections, organization_id, at=begin, expires_at=end)
    start("run")
    start("schedule")
    start("schedule")

    async def it_is_there() -> bool:
        return file.exists() and "Subject: Key “Deploy” expires in 5 days" in file.read_text()

    await eventually(it_is_there, stretched(30))
    text = file.read_text()
    assert text.count("Subject: ") == 1
    assert f"To: {owner}@example.com" in text
    assert f"{PUBLIC_URL}/account#mails" in text
