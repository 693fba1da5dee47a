"""Sentences for the events of the audit log: each type has one, and none contains an id."""

import re
from pathlib import Path
from typing import Any, Union

import msgspec
import pytest

from app.api.audit.schemas import EVENT_TYPES, AuditActor, AuditEvent, AuditResource
from app.pages.audit.sentences import sentence
from app.pages.wording.words import title_of
from domain.actor import GITHUB, OPERATOR
from eventstore.codec import DECIDERS
from eventstore.public_fields import public_fields
from infrastructure.clock import now

SAMPLES = Path(__file__).parents[3] / "golden"
KINDS = {str(kind.__struct_config__.tag): decider.kind for decider in DECIDERS for kind in decider.event_types}
EVENT: Any = Union[tuple(kind for decider in DECIDERS for kind in decider.event_types)]  # noqa: UP007 -- of a tuple
ADA = AuditActor("user", "user_01hf7yat00f388q77zpdx9h755", "ada@example.com", "ada@example.com")
KEYLEDGER = AuditActor("system", "expiry")


def event_of(kind: str, data: dict[str, Any], name: str | None = None, actor: AuditActor = ADA) -> AuditEvent:
    resource = AuditResource(KINDS[kind], "key_01hf7yat00f388q77zpdx9h755")
    if name is not None:
        resource = msgspec.structs.replace(resource, name=name)
    return AuditEvent("evt_1", now(), kind, actor, resource, "192.0.2.7", None, data, 1, "", None)


def sample(kind: str) -> dict[str, Any]:
    """Return the data of the sample that the log of an earlier version contains."""
    (path,) = sorted(SAMPLES.glob(f"{kind}.v*.json"))[-1:]
    return public_fields(msgspec.json.decode(path.read_bytes(), type=EVENT))


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_event_type_has_a_sentence_without_ids(kind: str) -> None:
    for actor in (ADA, KEYLEDGER):
        for name in ("prod-server", None):
            text = sentence(event_of(kind, sample(kind), name, actor))
            assert text[0].isupper() or text.startswith(("ada@", "prod-server")), text
            assert not re.search(r"\b(user|key|mcp|org|evt|hook|invite|ses|alert)_[0-9a-z]{10}", text), text
            assert "None" not in text
            assert not text.endswith(f": {title_of(kind)}."), "the sentence of a later version"


REVOKED = {"revoked_at": "2026-11-03T10:00:00Z", "reason": "compromised", "note": "Found in a repository"}


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (
            "api_key.revoked",
            REVOKED,
            "ada@example.com revoked the key “prod”. Reason: compromised. Note: Found in a repository",
        ),
        (
            "api_key.expiration_changed",
            {"expires_at": "2026-12-03T10:00:00Z"},
            "ada@example.com changed the expiration of the key “prod” to 3 Dec 2026, 10:00:00 UTC.",
        ),
        (
            "api_key.expiration_changed",
            {"expires_at": None},
            "ada@example.com removed the expiration of the key “prod”.",
        ),
        (
            "mcp.health_changed",
            {"health": "unhealthy", "checked_at": "2026-12-03T10:00:00Z", "reason": "mcp_timeout"},
            "The MCP server “prod” stopped responding: the server took too long to respond.",
        ),
        (
            "team.member_role_changed",
            {"role": "auditor", "changed_at": "2026-12-03T10:00:00Z"},
            "ada@example.com changed the role of prod to auditor.",
        ),
    ],
)
def test_a_sentence_says_who_changed_what_and_how(kind: str, data: dict[str, Any], expected: str) -> None:
    assert sentence(event_of(kind, data, "prod")) == expected


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("api_key.owner_changed", {}, "ada@example.com changed the key “prod”: Owner changed."),
        ("api_key.revoked", {"reason": "added_later"}, "ada@example.com changed the key “prod”: Revoked."),
    ],
)
def test_an_event_of_a_later_version_has_a_plain_sentence(kind: str, data: dict[str, Any], expected: str) -> None:
    known = event_of("api_key.revoked", data, "prod")
    assert sentence(msgspec.structs.replace(known, event=kind)) == expected


def test_a_resource_of_a_later_version_is_not_named() -> None:
    known = event_of("api_key.revoked", {})
    later = msgspec.structs.replace(known, event="group.created", resource=AuditResource("group", "group_1"))
    assert sentence(later) == "ada@example.com changed something else: Created."


def test_an_actor_without_a_name_is_described() -> None:
    erased = AuditActor("user", ADA.id)
    assert sentence(event_of("mcp.deleted", {}, "Wiki", erased)) == "A former member deleted the MCP server “Wiki”."
    assert sentence(event_of("mcp.deleted", {}, "Wiki", KEYLEDGER)).startswith("Keyledger deleted")
    operator = AuditActor("system", OPERATOR.id)
    assert sentence(event_of("mcp.deleted", {}, "Wiki", operator)).startswith("An operator deleted")
    github = AuditActor("system", GITHUB.id)
    assert sentence(event_of("api_key.disabled", {}, "prod", github)) == "A report of GitHub disabled the key “prod”."


def test_an_alert_about_a_leak_says_where_the_key_was_found() -> None:
    raised = event_of("alert.raised", {**sample("alert.raised"), "alert_type": "api_key.leaked"}, "prod")
    raised = msgspec.structs.replace(
        raised,
        data={**raised.data, "numbers": {"url": "https://example.com/a"}},
        resource=msgspec.structs.replace(raised.resource, alert_type="api_key.leaked"),
    )
    assert sentence(raised).endswith("It was found at https://example.com/a.")


def test_an_alert_or_identification_whose_key_has_no_name_is_described() -> None:
    identified = event_of("api_key.identified", sample("api_key.identified"))
    assert sentence(identified) == "ada@example.com found the secret of a key."
    acknowledged = event_of("alert.acknowledged", sample("alert.acknowledged"))
    assert sentence(acknowledged) == "ada@example.com acknowledged an alert."
    known = msgspec.structs.replace(acknowledged.resource, alert_type="webhook.disabled")
    text = sentence(msgspec.structs.replace(acknowledged, resource=known))
    assert text == "ada@example.com acknowledged the alert “A webhook was disabled”."


@pytest.mark.parametrize("kind", ["team.member_added", "team.ownership_transferred", "team.ownership_received"])
def test_an_address_stays_as_it_is_at_the_start_of_a_sentence(kind: str) -> None:
    assert sentence(event_of(kind, sample(kind), "grace@example.com")).startswith("grace@example.com ")
