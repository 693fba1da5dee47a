import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.refusal import Conflict, Invalid
from domain.webhooks.commands import (
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    DisableWebhook,
    RotateWebhookSecret,
)
from domain.webhooks.decider import OVERLAP_SECONDS_MAX, URL_LENGTH_MAX, WEBHOOK, WEBHOOKS_MAX
from domain.webhooks.errors import NothingToRotate, TooManyWebhooks, WebhookNotFound
from domain.webhooks.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookEvent,
    WebhookSecretRotated,
)
from domain.webhooks.state import Active, Deleted, Disabled, Webhook
from tests.domain.sample import NOW, ORGANIZATION_ID, OWNER, an_id, at
from tests.given import given

WEBHOOK_ID = an_id("hook", 1)
URL = "https://example.com/hooks"
CREATE = CreateWebhook(
    webhook_id=WEBHOOK_ID,
    organization_id=ORGANIZATION_ID,
    kind="standard",
    url=URL,
    events=("api_key.revoked", "api_key.created"),
    at=NOW,
    by=OWNER,
    others=WEBHOOKS_MAX - 1,
    description="For the pager",
)
CREATED = WebhookCreated(
    webhook_id=WEBHOOK_ID,
    organization_id=ORGANIZATION_ID,
    kind="standard",
    url=URL,
    events=("api_key.created", "api_key.revoked"),
    created_at=NOW,
    created_by=OWNER,
    description="For the pager",
)
SLACK = replace(CREATED, kind="slack", url="https://hooks.slack.example/…")
DISABLED = WebhookDisabled(disabled_at=at(50), because="failing")
DELETED = WebhookDeleted(deleted_at=at(60))


def test_a_webhook_can_be_created_below_the_limit() -> None:
    given(WEBHOOK).when(CREATE).then(CREATED)
    assert WEBHOOK.fold([CREATED]) == Active(
        Webhook(
            id=WEBHOOK_ID,
            organization_id=ORGANIZATION_ID,
            kind="standard",
            url=URL,
            events=("api_key.created", "api_key.revoked"),
            description="For the pager",
            created_at=NOW,
            updated_at=NOW,
            secret_version=1,
            revision=1,
        )
    )
    full = replace(CREATE, others=WEBHOOKS_MAX)
    given(WEBHOOK).when(full).then_refused(TooManyWebhooks, limit=WEBHOOKS_MAX, used=WEBHOOKS_MAX)


def test_a_webhook_id_cannot_be_reused() -> None:
    given(WEBHOOK, CREATED).when(CREATE).then_refused(Conflict)


def test_a_wildcard_subscription_replaces_all_others() -> None:
    given(WEBHOOK).when(replace(CREATE, events=("*", "mcp.created", "*"))).then(replace(CREATED, events=("*",)))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "https://example.com/" + "x" * URL_LENGTH_MAX}, "url"),
        ({"url_problem": "Must begin with https://"}, "url"),
        ({"events": ()}, "events"),
        ({"events": ("api_key.created", "api_key.made")}, "events"),
        ({"description": "x" * 501}, "description"),
    ],
)
def test_an_invalid_field_is_named(fields: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        WEBHOOK.decide(None, replace(CREATE, **fields))
    assert list(refused.value.details) == [field]


def test_only_a_change_is_recorded() -> None:
    same = ChangeWebhook(at=at(10), url=URL, events=("api_key.created", "api_key.revoked"), status="active")
    given(WEBHOOK, CREATED).when(same).then_nothing()
    changed = WebhookChanged(url=URL, events=("*",), description="", changed_at=at(10))
    given(WEBHOOK, CREATED).when(ChangeWebhook(at=at(10), events=("*",), description="")).then(changed)
    with pytest.raises(Invalid):
        WEBHOOK.decide(WEBHOOK.fold([CREATED]), ChangeWebhook(at=at(10), url_problem="Must begin with https://"))


def test_a_webhook_can_be_disabled_and_enabled() -> None:
    off, on = ChangeWebhook(at=at(20), status="disabled"), ChangeWebhook(at=at(30), status="active")
    disabled, enabled = WebhookDisabled(disabled_at=at(20), because="requested"), WebhookEnabled(enabled_at=at(30))
    given(WEBHOOK, CREATED).when(off).then(disabled)
    given(WEBHOOK, CREATED, disabled).when(off).then_nothing()
    given(WEBHOOK, CREATED, disabled).when(on).then(enabled)
    state = WEBHOOK.fold([CREATED, disabled])
    assert isinstance(state, Disabled)
    assert (state.because, state.webhook.updated_at, state.webhook.revision) == ("requested", at(20), 2)
    assert isinstance(WEBHOOK.fold([CREATED, disabled, enabled]), Active)


def test_the_delivery_worker_disables_a_webhook_once() -> None:
    command = DisableWebhook(at=at(50), because="failing")
    given(WEBHOOK, CREATED).when(command).then(DISABLED)
    given(WEBHOOK, CREATED, DISABLED).when(command).then_nothing()
    given(WEBHOOK, CREATED, DELETED).when(command).then_nothing()


def test_a_secret_can_be_rotated_with_an_overlap() -> None:
    rotated = WebhookSecretRotated(secret_version=2, rotated_at=at(40), previous_valid_until=at(100))
    given(WEBHOOK, CREATED).when(RotateWebhookSecret(at=at(40), overlap_seconds=60)).then(rotated)
    state = WEBHOOK.fold([CREATED, rotated])
    assert isinstance(state, Active)
    assert (state.webhook.secret_version, state.webhook.previous_valid_until) == (2, at(100))
    for seconds in (-1, OVERLAP_SECONDS_MAX + 1):
        with pytest.raises(Invalid) as refused:
            WEBHOOK.decide(state, RotateWebhookSecret(at=at(40), overlap_seconds=seconds))
        assert list(refused.value.details) == ["overlap_seconds"]


def test_a_secret_url_can_be_replaced_but_not_rotated() -> None:
    given(WEBHOOK, SLACK).when(RotateWebhookSecret(at=at(40), overlap_seconds=60)).then_refused(NothingToRotate)
    replaced = WebhookChanged(
        url=SLACK.url, events=SLACK.events, description=SLACK.description, changed_at=at(10), address_replaced=True
    )
    given(WEBHOOK, SLACK).when(ChangeWebhook(at=at(10), url=SLACK.url, address_replaced=True)).then(replaced)
    state = WEBHOOK.fold([SLACK, replaced])
    assert isinstance(state, Active)
    assert state.webhook.secret_version == 2


def test_a_deleted_webhook_is_not_found() -> None:
    given(WEBHOOK, CREATED).when(DeleteWebhook(at=at(60))).then(DELETED)
    deleted = WEBHOOK.fold([CREATED, DELETED])
    assert isinstance(deleted, Deleted)
    assert deleted.deleted_at == at(60)
    for command in (
        ChangeWebhook(at=at(70)),
        RotateWebhookSecret(at=at(70), overlap_seconds=0),
        DeleteWebhook(at=at(70)),
    ):
        given(WEBHOOK, CREATED, DELETED).when(command).then_refused(WebhookNotFound)
        given(WEBHOOK).when(command).then_refused(WebhookNotFound)


@pytest.mark.parametrize("history", [[DISABLED], [CREATED, CREATED], [CREATED, DELETED, DISABLED]])
def test_a_damaged_history_is_detected(history: list[WebhookEvent]) -> None:
    with pytest.raises(ImpossibleHistory):
        WEBHOOK.fold(history)
