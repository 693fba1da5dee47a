"""GET /v1/api-keys/{id}: return one key with the dates of its secrets and its recent activity."""

from asyncio import gather
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, structs

from app.api import examples
from app.api.activity.schemas import ACTIVITY_EXAMPLE, ActivityEntry
from app.api.api_keys.activity import recent_activity
from app.api.api_keys.key_context import load_key_context
from app.api.api_keys.schemas import KEY_EXAMPLE, Key, Last4, Prefix, to_key
from app.api.api_keys.visibility import require_visible
from app.api.schemas import Time
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from domain.keys.state import Existing, Revoked, SecretVersion
from infrastructure.clock import now
from projections.read_models.keys.list.queries import UsedSecret, used_secret
from projections.read_models.usage.queries import secrets_last_used

_RECENT = 10


class KeySecret(Struct, frozen=True):
    """One secret of the key. The current secret has a null `valid_until`."""

    version: Annotated[int, Meta(ge=1)]
    prefix: Prefix
    last4: Last4
    created_at: Time
    last_used: Time | None
    valid_until: Time | None


class KeyDetail(Key, frozen=True):
    """A key with the dates of its secrets and its recent activity."""

    recent_activity: list[ActivityEntry]
    secrets: list[KeySecret]


@Route(
    "GET",
    "/v1/api-keys/{key_id}",
    access="keys:read",
    tag="Keys",
    summary="Get a key",
    description="The response includes the dates of the key's secrets and its ten newest events.",
    example=KeyDetail(
        **structs.asdict(KEY_EXAMPLE),
        recent_activity=[ACTIVITY_EXAMPLE],
        secrets=[
            KeySecret(
                version=1,
                prefix=KEY_EXAMPLE.prefix,
                last4=KEY_EXAMPLE.last4,
                created_at=examples.THEN,
                last_used=examples.LATER,
                valid_until=None,
            )
        ],
    ),
    has_revision=True,
)
async def get_key(request: HttpRequest, key_id: str) -> Success[KeyDetail]:
    services = get_services(request)
    organization_id = request.auth.organization_id
    at = now()
    context = await load_key_context(services.pool, key_id, organization_id, at)
    state = require_visible(request.auth, context.state)
    async with services.read_transaction(organization_id) as connection, connection.pipeline():
        last_used, recent, used = await gather(
            secrets_last_used(connection, key_id),
            recent_activity(connection, request.auth, key_id, _RECENT, services.country_of),
            used_secret(connection, key_id, organization_id),
        )
    key = to_key(state, at, context.usage, context.names)
    secrets = _to_secrets(state, last_used, used, context.usage.last_used)
    detail = KeyDetail(**structs.asdict(key), recent_activity=recent, secrets=secrets)
    return success(detail, revision=state.key.revision)


def _to_secrets(
    state: Existing, last_used: Mapping[int, datetime], used: UsedSecret | None, key_last_used: datetime | None
) -> list[KeySecret]:
    """Return the versions of a key's secret, newest first, without the secrets and their digests.

    `used` is a version whose first use ended the earlier versions but is not yet part of the key's state. A use by
    which the key verified another one names its secret only while several work. So the last use of the key was one of
    the current secret if it came after the end of all others.
    """
    current = state.key.current_secret.version
    last_used = dict(last_used)
    ends = [_ends_at(secret, state, used) for secret in state.key.secrets[:-1]]
    if key_last_used is not None and all(end is not None and end < key_last_used for end in ends):
        last_used[current] = max(key_last_used, last_used.get(current, key_last_used))
    return [
        KeySecret(
            version=secret.version,
            prefix=secret.prefix,
            last4=secret.last4,
            created_at=secret.created_at,
            last_used=last_used.get(secret.version),
            valid_until=_ends_at(secret, state, used),
        )
        for secret in reversed(state.key.secrets)
    ]


def _ends_at(secret: SecretVersion, state: Existing, used: UsedSecret | None) -> datetime | None:
    """Return when a secret stops working: never later than its key, even if the key ended after the rotation."""
    if secret.valid_until is None:
        return None
    ends = [secret.valid_until]
    if state.key.expires_at is not None:
        ends.append(state.key.expires_at)
    if isinstance(state, Revoked):
        ends.append(state.revoked_at)
    if used is not None and secret.version < used.version:
        ends.append(used.used_at)
    return min(ends)
