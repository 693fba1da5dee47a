"""One stored sample of every event type and every released schema version: stored events stay readable.

A sample is never edited. A new version of an event type gets another sample. A field that was added later has a
separate sample, `<type>.v<version>.<what>.json`; the older sample shows that an event without it stays readable.
"""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from domain.actor import KeyActor, SystemActor
from domain.alerts.decider import ALERT
from domain.alerts.events import AlertAcknowledged, AlertRaised
from domain.identifications.decider import IDENTIFICATION
from domain.identifications.events import KeyIdentified
from domain.invitations.decider import INVITATION
from domain.invitations.events import InvitationAccepted, InvitationRevoked, MemberInvited
from domain.keys.decider import KEY
from domain.keys.events import (
    KeyCreated,
    KeyDetailsChanged,
    KeyDisabled,
    KeyEnabled,
    KeyExpirationChanged,
    KeyExpired,
    KeyPermissionsChanged,
    KeyRevoked,
    KeyRotated,
    KeySecretRetired,
    RateLimit,
)
from domain.keys.permissions import Permissions, ToolRule
from domain.mcps.decider import MCP
from domain.mcps.events import (
    McpActivated,
    McpChanged,
    McpDeactivated,
    McpDeleted,
    McpHealthChanged,
    McpRegistered,
)
from domain.members.decider import MEMBER
from domain.members.events import (
    MemberAdded,
    MemberRemoved,
    MemberRoleChanged,
    NotificationsChanged,
    OwnershipReceived,
    OwnershipTransferred,
)
from domain.organizations.decider import ORGANIZATION
from domain.organizations.events import (
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationDetailsChanged,
    OrganizationErased,
    OrganizationRestored,
    PlanChanged,
)
from domain.secret import SecretRecord
from domain.sessions.decider import SESSION
from domain.sessions.events import SessionEnded, SessionStarted
from domain.usage.events import CallCompleted, KeyUsed, UsageEvent
from domain.webhooks.decider import WEBHOOK
from domain.webhooks.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookSecretRotated,
)
from tests.domain.sample import (
    KEY_ID,
    LIVE_MCP,
    NOW,
    ORGANIZATION_ID,
    OTHER_KEY_ID,
    OWNER,
    TEST_MCP,
    a_record,
    an_id,
    at,
)

SAMPLES = Path(__file__).parent

EXPECTED: dict[str, msgspec.Struct] = {
    "api_key.created.v1": KeyCreated(
        key_id=KEY_ID,
        organization_id=ORGANIZATION_ID,
        name="Deploy ключ",
        environment="live",
        permissions=Permissions(
            mcps=(LIVE_MCP, TEST_MCP),
            tools={LIVE_MCP: ToolRule(allow=("get_*",), deny=("get_secret",)), TEST_MCP: ToolRule()},
            manage=("keys:read", "usage:read"),
        ),
        secret=a_record(1),
        created_at=NOW,
        created_by=KeyActor(OTHER_KEY_ID),
        description="For the pipeline",
        expires_at=at(86_400.000001),
        rate_limit=RateLimit(per_second=5),
        allowed_ips=("10.0.0.0/8", "2001:db8::/32"),
        metadata={"team": "platform", "cost": "42"},
    ),
    "api_key.created.v1.imported": KeyCreated(
        key_id=KEY_ID,
        organization_id=ORGANIZATION_ID,
        name="Build server",
        environment="live",
        permissions=Permissions(),
        secret=SecretRecord(digest="0b" * 32, prefix="", last4=""),
        created_at=NOW,
        created_by=OWNER,
        imported=True,
    ),
    "api_key.details_changed.v1": KeyDetailsChanged(name="Build", description="", metadata={"b": "2", "a": "1"}),
    "api_key.permissions_changed.v1": KeyPermissionsChanged(
        permissions=Permissions(mcps="*"), rate_limit=None, allowed_ips=()
    ),
    "api_key.expiration_changed.v1": KeyExpirationChanged(expires_at=None),
    "api_key.rotated.v1": KeyRotated(
        secret_version=2, secret=a_record(2), rotated_at=at(60), previous_valid_until=at(360)
    ),
    "api_key.secret_retired.v1": KeySecretRetired(secret_version=1, retired_at=at(360)),
    "api_key.disabled.v1": KeyDisabled(disabled_at=at(400)),
    "api_key.enabled.v1": KeyEnabled(enabled_at=at(500)),
    "api_key.revoked.v1": KeyRevoked(revoked_at=at(600), reason="compromised", note="Seen in a paste"),
    "api_key.expired.v1": KeyExpired(expired_at=at(86_401)),
    "mcp.created.v1": McpRegistered(
        mcp_id=LIVE_MCP,
        organization_id=ORGANIZATION_ID,
        name="Search",
        endpoint_url="https://mcp.example.com/mcp",
        environment="live",
        auth_type="bearer",
        created_at=NOW,
        created_by=OWNER,
        description="Finds things",
    ),
    "mcp.updated.v1": McpChanged(
        name="Find",
        description="",
        endpoint_url="https://mcp.example.com/v2/mcp",
        environment="test",
        auth_type="basic",
        changed_at=at(30),
        credential_replaced=True,
    ),
    "mcp.created.v1.health_checks": McpRegistered(
        mcp_id=LIVE_MCP,
        organization_id=ORGANIZATION_ID,
        name="Orders",
        endpoint_url="https://orders.example.com",
        environment="live",
        auth_type="none",
        created_at=NOW,
        created_by=OWNER,
        health_checks=False,
    ),
    "mcp.updated.v1.health_checks": McpChanged(
        name="Orders",
        description="",
        endpoint_url="https://orders.example.com",
        environment="live",
        auth_type="none",
        changed_at=at(30),
        health_checks=False,
    ),
    "mcp.deactivated.v1": McpDeactivated(deactivated_at=at(40)),
    "mcp.activated.v1": McpActivated(activated_at=at(50)),
    "mcp.health_changed.v1": McpHealthChanged(health="unhealthy", checked_at=at(55), reason="mcp_unreachable"),
    "mcp.deleted.v1": McpDeleted(deleted_at=at(60)),
    "organization.created.v1": OrganizationCreated(
        organization_id=ORGANIZATION_ID,
        name="Acme",
        slug="acme",
        plan="free",
        created_at=NOW,
        created_by=SystemActor("demo"),
    ),
    "organization.details_changed.v1": OrganizationDetailsChanged(
        name="Acme Ltd", description="We make everything", settings={"theme": "dark", "columns": 3, "beta": True}
    ),
    "organization.plan_changed.v1": PlanChanged(plan="enterprise"),
    "organization.deleted.v1": OrganizationDeleted(deleted_at=at(600), restorable_until=at(600 + 30 * 86_400)),
    "organization.restored.v1": OrganizationRestored(restored_at=at(700)),
    "organization.erased.v1": OrganizationErased(erased_at=at(600 + 31 * 86_400)),
    "team.member_added.v1": MemberAdded(user_id=OWNER.id, organization_id=ORGANIZATION_ID, role="owner", added_at=NOW),
    "team.member_role_changed.v1": MemberRoleChanged(role="auditor", changed_at=at(10)),
    "team.ownership_transferred.v1": OwnershipTransferred(to_user_id=an_id("user", 1), transferred_at=at(20)),
    "team.ownership_received.v1": OwnershipReceived(from_user_id=OWNER.id, received_at=at(20)),
    "team.notifications_changed.v1": NotificationsChanged(
        threshold="critical", thresholds={"usage.threshold": "off", "api_key.expiring": "info"}, changed_at=at(35)
    ),
    "team.member_removed.v1": MemberRemoved(removed_at=at(30)),
    "team.member_invited.v1": MemberInvited(
        invitation_id=an_id("invite"),
        organization_id=ORGANIZATION_ID,
        role="admin",
        token_digest="0123456789abcdef" * 4,
        invited_by=OWNER,
        invited_at=NOW,
        expires_at=at(604_800),
    ),
    "team.invitation_accepted.v1": InvitationAccepted(user_id=an_id("user", 1), accepted_at=at(40)),
    "team.invitation_revoked.v1": InvitationRevoked(reason="replaced", revoked_at=at(50)),
    "api_key.identified.v1": KeyIdentified(
        identification_id=an_id("ident"),
        organization_id=ORGANIZATION_ID,
        key_id=KEY_ID,
        secret_version=2,
        identified_at=at(65),
    ),
    "session.started.v1": SessionStarted(
        session_id=an_id("ses"),
        organization_id=ORGANIZATION_ID,
        user_id=OWNER.id,
        method="openid",
        started_at=NOW,
        expires_at=at(2_592_000),
    ),
    "session.ended.v1": SessionEnded(reason="ended_elsewhere", ended_at=at(70)),
    "webhook.created.v1": WebhookCreated(
        webhook_id=an_id("hook"),
        organization_id=ORGANIZATION_ID,
        kind="slack",
        url="https://hooks.slack.example/…",
        events=("api_key.expiring", "api_key.revoked"),
        created_at=at(90),
        created_by=OWNER,
        description="For the channel",
    ),
    "webhook.updated.v1": WebhookChanged(
        url="https://hooks.slack.example/…",
        events=("*",),
        description="",
        changed_at=at(91),
        address_replaced=True,
    ),
    "webhook.secret_rotated.v1": WebhookSecretRotated(
        secret_version=2, rotated_at=at(92), previous_valid_until=at(86_492)
    ),
    "webhook.disabled.v1": WebhookDisabled(disabled_at=at(93), because="gone"),
    "webhook.enabled.v1": WebhookEnabled(enabled_at=at(94)),
    "webhook.deleted.v1": WebhookDeleted(deleted_at=at(95)),
    "alert.raised.v1": AlertRaised(
        alert_id=an_id("alert"),
        organization_id=ORGANIZATION_ID,
        alert_type="api_key.expiring",
        severity="warning",
        raised_at=at(80),
        key_id=KEY_ID,
        numbers={"days": 7, "expires_at": "2026-03-08T12:01:20Z", "ratio": 1.5, "baseline": None},
    ),
    "alert.acknowledged.v1": AlertAcknowledged(acknowledged_at=at(90), acknowledged_by=OWNER),
    "api_key.used.v1": KeyUsed(
        id=an_id("evt", 1),
        occurred_at=at(61.5),
        action="call",
        code="tool_not_permitted",
        organization_id=ORGANIZATION_ID,
        key_id=KEY_ID,
        revision=3,
        secret_version=2,
        mcp_id=LIVE_MCP,
        tool="delete_user",
        ip="192.0.2.7",
        user_agent="curl/8.9",
        request_id="req-1",
        caller_key_id=OTHER_KEY_ID,
    ),
    "api_key.used.v1.caller_secret_version": KeyUsed(
        id=an_id("evt", 3),
        occurred_at=at(63),
        action="verify",
        code="valid",
        organization_id=ORGANIZATION_ID,
        key_id=KEY_ID,
        revision=3,
        secret_version=2,
        request_id="req-2",
        caller_key_id=OTHER_KEY_ID,
        billed=True,
        ends_previous=True,
        caller_secret_version=4,
    ),
    "api_key.used.v1.caller_version": KeyUsed(
        id=an_id("evt", 4),
        occurred_at=at(63),
        action="verify",
        code="valid",
        organization_id=ORGANIZATION_ID,
        key_id=KEY_ID,
        revision=3,
        secret_version=2,
        request_id="req-2",
        caller_key_id=OTHER_KEY_ID,
        billed=True,
        caller_version=3,
    ),
    "mcp.call_completed.v1": CallCompleted(
        id=an_id("evt", 2),
        occurred_at=at(62),
        call_id=an_id("evt", 1),
        organization_id=ORGANIZATION_ID,
        key_id=KEY_ID,
        mcp_id=LIVE_MCP,
        tool="get_user",
        status="error",
        latency_ms=412,
        response_bytes=2048,
        error="mcp_timeout",
    ),
}

EVENT_TYPES: set[type[msgspec.Struct]] = {
    *ALERT.event_types,
    *IDENTIFICATION.event_types,
    *INVITATION.event_types,
    *KEY.event_types,
    *MCP.event_types,
    *MEMBER.event_types,
    *ORGANIZATION.event_types,
    *SESSION.event_types,
    *WEBHOOK.event_types,
    *get_args(UsageEvent),
}


def stored(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_stored_sample_is_decoded(name: str) -> None:
    expected = EXPECTED[name]
    assert msgspec.json.decode(stored(name), type=type(expected)) == expected


@pytest.mark.parametrize("name", EXPECTED)
def test_a_stored_sample_is_encoded_to_the_same_bytes(name: str) -> None:
    event = msgspec.json.decode(stored(name), type=type(EXPECTED[name]))
    assert msgspec.json.encode(event, order="deterministic") == stored(name)


def test_every_event_type_has_a_sample_under_its_wire_name() -> None:
    names = {f"{event_type.__struct_config__.tag}.v1" for event_type in EVENT_TYPES}
    assert names <= set(EXPECTED)
    for name, event in EXPECTED.items():
        assert f"{name}.".startswith(f"{event.__struct_config__.tag}.v1.")
    assert {type(event) for event in EXPECTED.values()} == EVENT_TYPES
    assert {path.name.removesuffix(".json") for path in SAMPLES.glob("*.json")} == set(EXPECTED)
