"""Sentences for the changes in the audit log: who changed what, and how.

Each event type has one function from the actor, the changed resource and the data of the event to a sentence.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.api.audit.schemas import AuditEvent, AuditResource
from app.pages.wording.actors import actor_at_start
from app.pages.wording.text import instant, plural
from app.pages.wording.words import ALERTS, MCP_PROBLEMS, REVOCATION_REASONS, ROLES, title_of

Data = Mapping[str, Any]
Sentence = Callable[[str, str, Data], str]


def sentence(event: AuditEvent) -> str:
    """Return a sentence for an event, with the names that its actor and resource have now.

    An event of a later version, with a type or a value that is not known here, has a plain sentence.
    """
    who, what = actor_at_start(event.actor), resource_of(event)
    try:
        return _SENTENCES[event.event](who, what, event.data)
    except KeyError:
        return f"{who} changed {what}: {title_of(event.event)}."


def resource_of(event: AuditEvent) -> str:
    """Return the changed resource with its current name, or the name that the event gives it."""
    name = event.resource.name
    if event.resource.type == "alert":
        return _alert(event.resource)
    if event.resource.type == "identification" and isinstance(name, str):
        return f"the key “{name}”"
    noun = _NOUNS.get(event.resource.type, "something else")
    if isinstance(name, str):
        return name if event.resource.type == "member" else f"{noun} “{name}”"
    if event.resource.type == "webhook" and "url" in event.data:
        return f"{noun} to {event.data['url']}"
    return noun


def _alert(resource: AuditResource) -> str:
    title = {**ALERTS}.get(str(resource.alert_type))
    if title is None:
        return _NOUNS["alert"]
    about = f" about the key “{resource.name}”" if isinstance(resource.name, str) else ""
    return f"the alert “{title}”{about}"


_NOUNS = {
    "api_key": "the key",
    "mcp": "the MCP server",
    "member": "a former member",
    "invitation": "an invitation",
    "identification": "a key",
    "session": "a session",
    "webhook": "the webhook",
    "alert": "an alert",
    "organization": "the organization",
}
"""Resources without a name."""


def _time(data: Data, name: str) -> str:
    return instant(datetime.fromisoformat(data[name]))


def _key_created(who: str, what: str, data: Data) -> str:
    ends = f"It expires on {_time(data, 'expires_at')}." if data["expires_at"] else "It never expires."
    return f"{who} {'imported' if data.get('imported') else 'created'} {what}. {ends}"


def _expiration_changed(who: str, what: str, data: Data) -> str:
    if data["expires_at"] is None:
        return f"{who} removed the expiration of {what}."
    return f"{who} changed the expiration of {what} to {_time(data, 'expires_at')}."


def _key_rotated(who: str, what: str, data: Data) -> str:
    until = _time(data, "previous_valid_until")
    return f"{who} rotated {what} to secret {data['secret_version']}. Earlier secrets end by {until}."


def _key_revoked(who: str, what: str, data: Data) -> str:
    reason = {**REVOCATION_REASONS, "owner_removed": "Its creator was removed"}[data["reason"]]
    note = f" Note: {data['note']}" if data["note"] else ""
    return f"{who} revoked {what}. Reason: {reason.lower()}.{note}"


def _mcp_updated(who: str, what: str, data: Data) -> str:
    return f"{who} changed {what}{' and replaced its credential' if data['credential_replaced'] else ''}."


def _health_changed(_: str, what: str, data: Data) -> str:
    if data["health"] == "healthy":
        return f"{_sentence_start(what)} responds again."
    reason = MCP_PROBLEMS.get(data["reason"] or "")
    return f"{_sentence_start(what)} stopped responding{f': {reason}' if reason else ''}."


def _sentence_start(what: str) -> str:
    """Return a resource at the start of a sentence. The address of a member stays as it is."""
    return what if "@" in what.partition(" ")[0] else what[0].upper() + what[1:]


def _member_added(_: str, what: str, data: Data) -> str:
    return f"{_sentence_start(what)} joined as {ROLES[data['role']].lower()}."


def _role_changed(who: str, what: str, data: Data) -> str:
    return f"{who} changed the role of {what} to {ROLES[data['role']].lower()}."


def _invited(who: str, _: str, data: Data) -> str:
    return (
        f"{who} invited a person as {ROLES[data['role']].lower()}. The invitation ends on {_time(data, 'expires_at')}."
    )


def _invitation_revoked(who: str, _: str, data: Data) -> str:
    if data["reason"] == "replaced":
        return f"{who} replaced an invitation with a new one to the same address."
    return f"{who} withdrew an invitation."


_METHODS = {"link": "with a mailed link", "openid": "with an OpenID provider", "invitation": "with an invitation"}


def _session_started(who: str, _: str, data: Data) -> str:
    return f"{who} signed in {_METHODS[data['method']]}."


def _session_ended(who: str, _: str, data: Data) -> str:
    return f"{who} signed out." if data["reason"] == "signed_out" else f"{who} ended another session of theirs."


def _webhook_updated(who: str, what: str, data: Data) -> str:
    return f"{who} changed {what}{' and replaced its address' if data['address_replaced'] else ''}."


def _webhook_rotated(who: str, what: str, data: Data) -> str:
    until = _time(data, "previous_valid_until")
    return f"{who} rotated the signing secret of {what}. The previous one also signs until {until}."


def _webhook_disabled(who: str, what: str, data: Data) -> str:
    because = {
        "requested": "",
        "gone": " because the receiver answered that it is gone",
        "failing": " because no message was delivered for days",
    }
    return f"{who} disabled {what}{because[data['because']]}."


def _alert_raised(_: str, what: str, data: Data) -> str:
    severity = {"info": "information", "warning": "warning", "critical": "critical"}
    place = data["numbers"].get("url") if data["alert_type"] == "api_key.leaked" else None
    found = f" It was found at {place}." if place else ""
    return f"Keyledger raised {what}. Severity: {severity[data['severity']]}.{found}"


def _organization_changed(who: str, _: str, data: Data) -> str:
    settings = f" with {plural(len(data['settings']), 'setting')}" if data["settings"] else ""
    return f"{who} changed the details of the organization, which is now “{data['name']}”{settings}."


def _organization_deleted(who: str, _: str, data: Data) -> str:
    return f"{who} deleted the organization. It can be restored until {_time(data, 'restorable_until')}."


_SENTENCES: dict[str, Sentence] = {
    "api_key.created": _key_created,
    "api_key.details_changed": lambda who, what, _: f"{who} changed the name, description or metadata of {what}.",
    "api_key.permissions_changed": lambda who, what, _: f"{who} changed what {what} may do.",
    "api_key.expiration_changed": _expiration_changed,
    "api_key.rotated": _key_rotated,
    "api_key.secret_retired": lambda who, what, data: f"{who} ended secret {data['secret_version']} of {what}.",
    "api_key.disabled": lambda who, what, _: f"{who} disabled {what}.",
    "api_key.enabled": lambda who, what, _: f"{who} enabled {what}.",
    "api_key.revoked": _key_revoked,
    "api_key.expired": lambda _, what, data: f"{_sentence_start(what)} expired on {_time(data, 'expired_at')}.",
    "api_key.identified": lambda who, what, _: f"{who} found the secret of {what}.",
    "mcp.created": lambda who, what, data: f"{who} registered {what} at {data['endpoint_url']}.",
    "mcp.updated": _mcp_updated,
    "mcp.deactivated": lambda who, what, _: f"{who} deactivated {what}. No key reaches it.",
    "mcp.activated": lambda who, what, _: f"{who} activated {what}.",
    "mcp.health_changed": _health_changed,
    "mcp.deleted": lambda who, what, _: f"{who} deleted {what}.",
    "team.member_added": _member_added,
    "team.member_role_changed": _role_changed,
    "team.ownership_transferred": lambda _, what, __: f"{_sentence_start(what)} handed over the ownership.",
    "team.ownership_received": lambda _, what, __: f"{_sentence_start(what)} became the owner.",
    "team.notifications_changed": lambda who, what, _: f"{who} changed the alert mails of {what}.",
    "team.member_removed": lambda who, what, _: f"{who} removed {what}.",
    "team.member_invited": _invited,
    "team.invitation_accepted": lambda _, __, ___: "The invited person accepted an invitation.",
    "team.invitation_revoked": _invitation_revoked,
    "session.started": _session_started,
    "session.ended": _session_ended,
    "webhook.created": lambda who, what, _: f"{who} created {what}.",
    "webhook.updated": _webhook_updated,
    "webhook.secret_rotated": _webhook_rotated,
    "webhook.disabled": _webhook_disabled,
    "webhook.enabled": lambda who, what, _: f"{who} enabled {what}.",
    "webhook.deleted": lambda who, what, _: f"{who} deleted {what}.",
    "alert.raised": _alert_raised,
    "alert.acknowledged": lambda who, what, _: f"{who} acknowledged {what}.",
    "organization.created": lambda who, _, data: f"{who} created the organization “{data['name']}”.",
    "organization.details_changed": _organization_changed,
    "organization.deleted": _organization_deleted,
    "organization.restored": lambda who, _, __: f"{who} restored the organization. Keys and webhooks work again.",
    "organization.erased": lambda _, __, ___: "The credentials, addresses and secrets of the organization were erased.",
    "organization.plan_changed": lambda who, _, data: f"{who} changed the plan to {data['plan']}.",
}
