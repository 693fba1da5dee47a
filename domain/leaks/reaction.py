"""The reaction to a report that a secret was found in public: what is done to its key, and the alert about it.

A secret that still works is stopped as the policy of the organization says. If a rotation has replaced the secret and
its overlap is not over, only the earlier secrets end, because the key itself is not known to others. A secret that no
longer works leads to an alert and to nothing else.
"""

from datetime import datetime
from typing import Final, Literal, assert_never

from msgspec import Struct

from domain.actor import Actor
from domain.alerts.alert_id import alert_id
from domain.alerts.commands import RaiseAlert
from domain.alerts.events import Severity
from domain.fields import has_control
from domain.keys.commands import DisableKey, EndEarlierSecrets, KeyCommand, RevokeKey
from domain.keys.state import Active, Disabled, Existing, Expired, Revoked
from domain.leaks.policy import Policy
from domain.plans.plan import KeyCounts
from domain.secret import redacted

URL_LENGTH_MAX = 400
"""Longer addresses are cut. With the words around it, the address fits into the note of a revocation."""

LOCATION_KIND_LENGTH_MAX = 50

Outcome = Literal[
    "disabled",
    "revoked",
    "secret_ended",
    "still_works",
    "disabled_before",
    "revoked_before",
    "expired_before",
    "secret_ended_before",
]
"""The fate of the secret. Outcomes with `before` were so before the report, which changed nothing."""

STOPPED_BEFORE: Final[frozenset[Outcome]] = frozenset(
    {"disabled_before", "revoked_before", "expired_before", "secret_ended_before"}
)

_SEVERITIES: dict[Outcome, Severity] = {
    "disabled": "critical",
    "revoked": "critical",
    "secret_ended": "critical",
    "still_works": "critical",
    "disabled_before": "warning",
    "revoked_before": "info",
    "expired_before": "info",
    "secret_ended_before": "info",
}
"""A disabled key can be enabled again, so its report is more than an information."""


class Report(Struct, frozen=True):
    """A report that a secret of a key was found. `url` and `location_kind` are texts of others, and may be empty.

    `location_kind` is the kind of the place, such as `commit`.
    """

    source: Literal["github"]
    key_id: str
    organization_id: str
    secret_version: int
    url: str
    location_kind: str

    @property
    def shown_url(self) -> str:
        """Return the address as it may be stored and shown: without secrets and control characters, and cut."""
        return _shown(self.url, URL_LENGTH_MAX)

    def alert_id(self, key_created_at: datetime) -> str:
        """Return the id of the alert about a secret that works: one for each address, however often it is reported."""
        return alert_id(f"{self._effect} {self.url}", key_created_at)

    def stopped_alert_id(self, key_created_at: datetime) -> str:
        """Return the id of the alert about a secret that does not work: one for all addresses.

        A person who has the secret can store it at any number of addresses. None of them is more urgent than the first.
        """
        return alert_id(self._effect, key_created_at)

    @property
    def _effect(self) -> str:
        return f"api_key.leaked {self.source} {self.key_id} {self.secret_version}"


class Reaction(Struct, frozen=True):
    """`command` changes the key. None: nothing changes."""

    outcome: Outcome
    command: KeyCommand | None = None


def reaction_to(
    report: Report, state: Existing, policy: Policy, counts: KeyCounts, by: Actor, at: datetime, used_version: int = 0
) -> Reaction:
    """Return what is done to the key in `state`.

    `used_version`: the secret whose use has ended all earlier ones, even if no event records that yet; 0: none.
    """
    match state:
        case Revoked():
            return Reaction("revoked_before")
        case Expired():
            return Reaction("expired_before")
        case Active() | Disabled():
            return _to_unended(report, state, policy, counts, by, at, used_version)
        case _:
            assert_never(state)


def leak_alert(report: Report, alert_id: str, outcome: Outcome, at: datetime) -> RaiseAlert:
    return RaiseAlert(
        alert_id=alert_id,
        organization_id=report.organization_id,
        alert_type="api_key.leaked",
        severity=_SEVERITIES[outcome],
        at=at,
        key_id=report.key_id,
        numbers={
            "source": report.source,
            "url": report.shown_url,
            "place": _shown(report.location_kind, LOCATION_KIND_LENGTH_MAX),
            "secret_version": report.secret_version,
            "outcome": outcome,
        },
    )


def _to_unended(  # noqa: PLR0911 -- one return per outcome
    report: Report,
    state: Active | Disabled,
    policy: Policy,
    counts: KeyCounts,
    by: Actor,
    at: datetime,
    used_version: int,
) -> Reaction:
    key = state.key
    if key.has_expired(at):
        return Reaction("expired_before")
    found = next((secret for secret in key.secrets if secret.version == report.secret_version), None)
    if found is None or not found.is_valid(at) or found.version < used_version:
        return Reaction("secret_ended_before")
    if policy == "alert":
        return Reaction("still_works" if isinstance(state, Active) else "disabled_before")
    if found.version != key.current_secret.version:
        return Reaction("secret_ended", EndEarlierSecrets(at))
    if policy == "revoke":
        return Reaction("revoked", RevokeKey(at=at, by=by, counts=counts, reason="compromised", note=_note(report)))
    if isinstance(state, Disabled):
        return Reaction("disabled_before")
    return Reaction("disabled", DisableKey(at))


def _note(report: Report) -> str:
    return "Found on GitHub" + (f": {report.shown_url}" if report.url else "")


def _shown(text: str, length_max: int) -> str:
    # Redact first: a secret that is cut is no longer recognized.
    shown = "".join("?" if has_control(each) else each for each in str(redacted(text)))
    return shown if len(shown) <= length_max else f"{shown[: length_max - 1]}…"
