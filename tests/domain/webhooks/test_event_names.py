from domain.alerts.events import AlertRaised
from domain.keys.events import KeyExpirationChanged, KeySecretRetired
from domain.webhooks.event_names import PUBLIC_EVENTS, public_event_name
from domain.webhooks.events import WebhookDisabled
from tests.domain.sample import NOW, ORGANIZATION_ID, an_id


def test_event_types_that_receivers_need_not_distinguish_share_a_name() -> None:
    assert public_event_name("api_key.expiration_changed", KeyExpirationChanged(None)) == "api_key.updated"


def test_an_alert_is_published_under_its_type() -> None:
    raised = AlertRaised(
        alert_id=an_id("alert", 1),
        organization_id=ORGANIZATION_ID,
        alert_type="webhook.disabled",
        severity="critical",
        raised_at=NOW,
    )
    assert public_event_name("alert.raised", raised) == "webhook.disabled"


def test_internal_events_are_not_published() -> None:
    assert public_event_name("api_key.secret_retired", KeySecretRetired(1, NOW)) is None
    # The alert about it is published.
    assert public_event_name("webhook.disabled", WebhookDisabled(NOW, "gone")) is None


def test_public_event_names_are_unique() -> None:
    assert len(set(PUBLIC_EVENTS)) == len(PUBLIC_EVENTS)
