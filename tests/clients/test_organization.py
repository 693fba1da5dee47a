"""The organization, its members, usage, alerts, audit log and webhooks, with both clients."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.actor import EXPIRY_ALERTS
from domain.alerts.commands import RaiseAlert
from infrastructure.clock import new_id, now
from infrastructure.database.connections import WORKER_ROLE, pool
from keyledger import Forbidden, NotFound, RevisionMismatch
from tests.app.api.usage.usage_data import count
from tests.app.organizations import Api, Organization
from tests.app.people import person
from tests.clients.conftest import Caller
from workers.raise_alert import raise_alert


def test_the_organization_is_read_and_changed(org: Organization, manager: Caller) -> None:
    shown = manager.do(lambda c: c.organization.get())
    assert (shown.id, shown.plan) == (org.id, "team")
    assert (shown.usage.api_keys, shown.limits.api_keys, shown.limits.monthly_requests) == (1, None, 500_000)
    changed = manager.do(
        lambda c: c.organization.update(name="Renamed", settings={"colour": "blue"}, if_match=shown.revision)
    )
    assert (changed.name, changed.settings, changed.slug) == ("Renamed", {"colour": "blue"}, shown.slug)
    with pytest.raises(RevisionMismatch):
        manager.do(lambda c: c.organization.update(name="Again", if_match=shown.revision))
    assert manager.do(lambda c: c.organization.update(description=None)).name == "Renamed"
    settings = {"connect.mcp_url": "https://gateway.example/{slug}/mcp", "colour": None}
    connected = manager.do(lambda c: c.organization.update(settings=settings))
    assert connected.mcp_url == f"https://gateway.example/{shown.slug}/mcp"
    assert set(connected.settings) == {"connect.mcp_url"}


def test_members_are_listed_given_roles_and_removed(api: Api, org: Organization, manager: Caller) -> None:
    owner, member, viewer = (person(api, org.id, role) for role in ("owner", "member", "viewer"))
    assert [m.user_id for m in manager.every(lambda c: c.members.iterate(per_page=2))] == [
        owner.id,
        member.id,
        viewer.id,
    ]
    assert [m.email for m in manager.do(lambda c: c.members.list(role="member")).data] == [member.email]
    assert manager.do(lambda c: c.members.get(member.id)).email == member.email
    changed = manager.do(lambda c: c.members.update(member.id, "auditor"))
    assert (changed.role, changed.keys_narrowed, changed.revision) == ("auditor", 0, 2)
    with pytest.raises(RevisionMismatch):
        manager.do(lambda c: c.members.update(member.id, "viewer", if_match=1))
    removed = manager.do(lambda c: c.members.delete(viewer.id))
    assert (removed.removed, removed.keys_revoked) == (True, 0)
    with pytest.raises(NotFound):
        manager.do(lambda c: c.members.delete(viewer.id))
    with pytest.raises(Forbidden):
        manager.do(lambda c: c.members.update(owner.id, "viewer"))


def test_invitations_are_sent_listed_and_withdrawn(manager: Caller) -> None:
    sent = [
        manager.do(lambda c, n=n: c.members.create_invitation(f"{n}@example.com", "viewer")) for n in ("ada", "grace")
    ]
    assert "/invitations/accept?token=" in sent[0].invite_url.reveal()
    assert sent[0].invite_url.reveal() not in repr(sent[0])
    open_ones = manager.every(lambda c: c.members.iterate_invitations(per_page=1))
    assert [invitation.email for invitation in open_ones] == ["grace@example.com", "ada@example.com"]
    assert manager.do(lambda c: c.members.get_invitation(sent[0].invite_id)).email == "ada@example.com"
    assert manager.do(lambda c: c.members.delete_invitation(sent[0].invite_id)).withdrawn
    assert [i.invite_id for i in manager.do(lambda c: c.members.list_invitations()).data] == [sent[1].invite_id]


def test_a_repeated_invitation_has_no_link(manager: Caller) -> None:
    first, second = (
        manager.do(lambda c: c.members.create_invitation("ada@example.com", "viewer", idempotency_key="one"))
        for _ in range(2)
    )
    assert (first.invite_id, second.invite_url) == (second.invite_id, None)


def test_usage_is_reported_for_one_key_and_for_the_organization(api: Api, org: Organization, manager: Caller) -> None:
    key = org.key()
    for _ in range(3):
        org.verify(key.secret)
    count(api)
    today = datetime.now(UTC).date()
    of_key = manager.do(lambda c: c.keys.get_usage(key.id, period="day"))
    assert (of_key.key_id, of_key.total_requests, of_key.by_status.success) == (key.id, 3, 3)
    assert sum(hour.requests for hour in of_key.by_hour) == 3
    dates = {"start_date": today - timedelta(days=1), "end_date": today}
    report = manager.do(lambda c: c.usage.get(**dates))
    assert (report.period, report.requests.total, report.requests.limit) == ("custom", 3, 500_000)
    assert [(each.key_id, each.requests) for each in report.by_key] == [(key.id, 3)]
    assert manager.do(lambda c: c.usage.get(keys=0)).by_key == ()
    (day,) = manager.every(lambda c: c.usage.iterate_history(per_page=1))
    assert (day.requests, day.errors, day.billed) == (3, 0, 3)
    assert manager.do(lambda c: c.usage.list_history(start_date=today)).data == (day,)


def test_an_alert_is_read_and_acknowledged(api: Api, org: Organization, manager: Caller) -> None:
    alert_id = _warned(api, org)
    (listed,) = manager.every(lambda c: c.alerts.iterate(type="api_key.expiring", status="open", severity="warning"))
    assert (listed.id, listed.key_id, listed.details) == (alert_id, org.manager.id, {"days": 7})
    acknowledged = manager.do(lambda c: c.alerts.acknowledge(alert_id))
    assert (acknowledged.status, acknowledged.acknowledged_by.id) == ("acknowledged", org.manager.id)
    assert manager.do(lambda c: c.alerts.get(alert_id)) == acknowledged
    assert manager.do(lambda c: c.alerts.list(key_id=org.manager.id, status="open")).data == ()


def test_the_audit_log_is_read(org: Organization, manager: Caller) -> None:
    key = org.key()
    org.client.delete(key.path)
    events = manager.every(lambda c: c.audit.iterate(resource=key.id, per_page=1))
    assert [event.event for event in events] == ["api_key.revoked", "api_key.created"]
    assert (events[0].actor.type, events[0].actor.id) == ("api_key", org.manager.id)
    assert manager.do(lambda c: c.audit.get(events[0].id)) == events[0]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert manager.do(lambda c: c.audit.list(since=later)).data == ()
    assert len(manager.do(lambda c: c.audit.list(until=later, type="api_key.revoked")).data) == 1


def test_the_lifecycle_of_a_webhook(manager: Caller) -> None:
    made = manager.do(lambda c: c.webhooks.create("https://example.com/hooks", events=["api_key.revoked"]))
    assert made.secret.reveal().startswith("whsec_")
    assert (made.events, made.status) == (("api_key.revoked",), "active")
    assert [webhook.id for webhook in manager.every(lambda c: c.webhooks.iterate(per_page=1))] == [made.id]
    changed = manager.do(lambda c: c.webhooks.update(made.id, status="disabled", if_match=made.revision))
    assert changed.status == "disabled"
    rotated = manager.do(lambda c: c.webhooks.rotate(made.id, overlap_seconds=0))
    assert rotated.secret not in {None, made.secret}
    assert manager.do(lambda c: c.webhooks.get(made.id)).failing_since is None
    assert manager.every(lambda c: c.webhooks.iterate_deliveries(made.id)) == []
    with pytest.raises(NotFound):
        manager.do(lambda c: c.webhooks.retry_delivery(made.id, "msg_" + "0" * 26))
    assert manager.do(lambda c: c.webhooks.delete(made.id)).deleted
    with pytest.raises(NotFound):
        manager.do(lambda c: c.webhooks.test(made.id))


def _warned(api: Api, org: Organization) -> str:
    alert = RaiseAlert(
        alert_id=new_id("alert"),
        organization_id=org.id,
        alert_type="api_key.expiring",
        severity="warning",
        at=now(),
        key_id=org.manager.id,
        numbers={"days": 7},
    )

    async def raised() -> None:
        async with pool(api.database.url, role=WORKER_ROLE) as connections:
            assert await raise_alert(connections, EXPIRY_ALERTS, alert)

    api.database.run(raised())
    return alert.alert_id
