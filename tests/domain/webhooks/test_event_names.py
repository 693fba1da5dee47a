from domain.alerts.events import AlertRaised
from domain.keys.events import KeyExpirationChanged, KeySecretRetired
from domain.webhooks.event_names import PUBLIC_EVENTS, public_event_name
from domain.webhooks.events import WebhookDisabled
from tests.domain.sample import NOW, ORGANIZATION_ID, an_id


def test_what_receivers_do_not_tell_apart_has_one_name() -> None:
    assert public_event_name("api_key.expiration_changed", KeyExpirationChanged(None)) == "api_key.updated"


def test_an_alert_is_told_under_the_name_of_its_type() -> None:
    raised = AlertRaised(
        alert_id=an_id("alert", 1),
        organization_id=ORGANIZATION_ID,
        alert_type="webhook.disabled",
        severity="critical",
        raised_at=NOW,
    )
    assert public_event_name("alert.raised", raised) == "webhook.disabled"


def test_what_only_the_log_needs_is_not_told() -> None:
    assert public_event_name("api_key.secret_retired", KeySecretRetired(1, NOW)) is None
    # The alert about it is.
    assert public_event_name("webhook.disabled", WebhookDisabled(NOW, "gone")) is None


def test_every_name_is_there_once() -> None:
    assert len(set(PUBLIC_EVENTS)) == len(PUBLIC_EVENTS)
