"""Alerts in sentences: each rule has its own, with its numbers."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from freezegun import freeze_time
from msgspec import UNSET, structs

from app.api.alerts.schemas import ALERT_EXAMPLE, Alert
from app.pages.alerts.sentences import Sentences, sentences_of
from app.pages.wording.words import ALERTS
from domain.alerts.events import AlertType, Number
from domain.alerts.expiry_stages import STAGES_DAYS, Stage, expiry_alert
from domain.alerts.quota_stages import STAGES_PERCENT, quota_alert
from domain.anomalies.denials import denied_burst, secret_over_used, unknown_keys
from domain.anomalies.dormancy import dormant_used
from domain.anomalies.evaluate import Signal
from domain.anomalies.finding import Finding
from domain.anomalies.thresholds import DEFAULTS
from domain.leaks.reaction import Outcome
from workers.jobs.detect_anomalies import alert_of

AT = datetime(2026, 11, 28, 14, 0, tzinfo=UTC)
KEY = ALERT_EXAMPLE.key_id


def shown(kind: AlertType, details: Mapping[str, Number], key_id: str | None = KEY) -> Sentences:
    name = UNSET if key_id is None else "prod-server"
    alert = structs.replace(ALERT_EXAMPLE, type=kind, details=dict(details), key_id=key_id, key_name=name)
    return sentences_of(alert)


def of_finding(finding: Finding | None, subject: str = "prod-server") -> Sentences:
    """Return the sentences about the alert that the workers raise for a finding."""
    assert finding is not None
    kind = "unknown" if finding.rule == "unknown_keys" else "denied"
    raised = alert_of(Signal(kind, "org", subject, AT), finding)
    return shown(raised.alert_type, raised.numbers, KEY if kind == "denied" else None)


def test_refusals_are_counted_with_the_most_frequent_reason_and_the_limit() -> None:
    text = of_finding(denied_burst({"ip_not_permitted": 1_400, "expired_key": 3}, DEFAULTS))
    assert text.title == "Key refused repeatedly"
    assert text.subject == "prod-server"
    assert text.happened.startswith("was refused 1,403 times within 10 minutes, until 28 Nov 2026, 14:00:00 UTC.")
    assert "address not permitted" in text.happened
    assert text.rule == "Refusals: 20 or more of one key within 10 minutes."


def test_a_revoked_secret_and_unknown_keys_are_not_called_refusals_of_a_key() -> None:
    text = of_finding(secret_over_used({"revoked_key": 2}, DEFAULTS))
    assert text.title == "Revoked secret still in use"
    assert text.happened.startswith("was presented 2 times with a revoked or replaced secret")
    unknown = of_finding(unknown_keys("203.0.113.9", 40, DEFAULTS), "203.0.113.9")
    assert (unknown.title, unknown.subject) == ("Unknown keys from one address", "203.0.113.9")
    assert unknown.happened.startswith("sent 40 requests with unknown keys within 10 minutes")


@pytest.mark.parametrize("rule", ["denied", "revoked_secret"])
def test_a_single_refusal_is_not_called_a_burst(rule: str) -> None:
    numbers = {"rule": rule, "denied": 1, "most_frequent_reason": "revoked_key", "minutes": 5, "limit": 1}
    text = shown("api_key.denied_burst", {**numbers, "at": AT.isoformat()})
    assert " once " in text.happened
    assert "1 time" not in " ".join(text)
    assert "burst" not in " ".join(text).lower()


def test_a_long_pause_is_told_in_days() -> None:
    text = of_finding(dormant_used(AT - timedelta(days=1_000), AT, DEFAULTS))
    assert text.happened.startswith("was used again after 1,000 days without use, on 28 Nov from 14:00 to 15:00 UTC.")
    assert "60 days or more" in text.rule


def test_volume_and_errors_name_the_hour_and_what_is_usual() -> None:
    hour = {"hour": AT.isoformat(), "requests": 1_204}
    volume = {**hour, "rule": "volume", "usual": 40.0, "deviation": 5.1, "limit": 120.5, "hours_compared": 24}
    text = shown("api_key.unusual_volume", volume)
    assert text.happened == (
        "made 1,204 requests on 28 Nov from 14:00 to 15:00 UTC. Usual for this hour of the week: 40."
    )
    assert text.rule.startswith("Unusual volume: more than 120.5 requests")
    errors = {**hour, "rule": "errors", "errors": 602, "rate": 0.5, "rate_at_least": 0.45, "usual_rate": 0.01}
    text = shown("api_key.error_spike", {**errors, "limit": 0.1})
    assert "602 of 1,204 requests failed (50.0%)" in text.happened
    assert "Usual: 1.0%." in text.happened
    assert "above 10.0%" in text.rule


@pytest.mark.parametrize(("place", "kind"), [("DE", "country"), ("203.0.113.0/24", "network")])
def test_a_new_location_is_a_country_or_a_network(place: str, kind: str) -> None:
    numbers = {"rule": "location", "place": place, "known_places": 1, "learning_days": 7, "at": AT.isoformat()}
    text = shown("api_key.new_location", numbers)
    assert text.happened == f"was used from a new {kind}, {place}, on 28 Nov 2026, 14:00:00 UTC."
    assert "from 1 place before" in text.rule


def test_the_stages_of_expiry_and_quota_are_told() -> None:
    expiring = expiry_alert("key", "org", AT + timedelta(days=7), Stage(7, AT), AT)
    with freeze_time(AT):
        text = shown("api_key.expiring", expiring.numbers)
    assert text.happened == "expires on 5 Dec 2026, 14:00:00 UTC."
    assert all(str(days) in text.rule for days in STAGES_DAYS)
    quota = quota_alert("org", AT.date(), 50_000, 40_001, 80, AT)
    text = shown("usage.threshold", quota.numbers, None)
    assert text.subject == "The organization"
    assert text.happened == "has used 80 % of the requests of November 2026: 40,001 of 50,000 requests."
    assert all(str(stage) in text.rule for stage in STAGES_PERCENT)


def test_an_expiry_in_the_past_is_not_said_to_come() -> None:
    expiring = expiry_alert("key", "org", AT + timedelta(days=7), Stage(7, AT), AT)
    with freeze_time(AT + timedelta(days=7)):
        text = shown("api_key.expiring", expiring.numbers)
    assert text.happened == "was due to expire on 5 Dec 2026, 14:00:00 UTC."


@pytest.mark.parametrize(
    ("because", "since", "told"),
    [
        ("gone", None, "responded with 410 Gone"),
        ("failing", AT.isoformat(), "no delivery has succeeded since 28 Nov 2026"),
        ("failing", None, "no delivery succeeded"),
    ],
)
def test_a_disabled_webhook_is_told_with_its_cause(because: str, since: str | None, told: str) -> None:
    text = shown("webhook.disabled", {"webhook_id": "hook", "because": because, "failing_since": since}, None)
    assert text.subject == "A webhook"
    assert told in text.happened


@pytest.mark.parametrize("kind", get_args(AlertType))
@pytest.mark.parametrize("rule", [None, "denied", "added-later"])
def test_an_alert_without_the_numbers_of_its_rule_is_described_by_its_type(kind: AlertType, rule: str | None) -> None:
    alert: Alert = structs.replace(ALERT_EXAMPLE, type=kind, details={"rule": rule}, key_name=UNSET)
    text = sentences_of(alert)
    assert text.title == ALERTS[kind]
    assert text.subject == "A key"
    assert ALERTS[kind] in text.happened


def test_an_alert_of_a_later_version_has_a_plain_title() -> None:
    later: Any = "mcp.slow_responses"
    text = shown(later, {"rule": "slow"}, None)
    assert text == Sentences("Slow responses", "The organization", "raised the alert “Slow responses”.", "", "")


@pytest.mark.parametrize("outcome", get_args(Outcome))
@pytest.mark.parametrize("url", ["https://github.com/octocat/hello-world", ""])
def test_a_leaked_key_is_told_with_its_place_and_what_was_done(outcome: Outcome, url: str) -> None:
    found = {"source": "github", "url": url, "place": "commit", "secret_version": 2, "outcome": outcome}
    text = shown("api_key.leaked", found)
    assert text.title == "Key found in public"
    assert text.happened.startswith(f"was found on GitHub at {url}. " if url else "was found on GitHub. ")
    assert "secret 2 of the key" in text.rule
    assert text.advice


def test_each_outcome_of_a_leak_has_its_own_sentence() -> None:
    found = {"source": "github", "url": "", "place": "", "secret_version": 1}
    told = {shown("api_key.leaked", {**found, "outcome": outcome}).happened for outcome in get_args(Outcome)}
    assert len(told) == len(get_args(Outcome))
