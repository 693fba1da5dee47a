"""POST /v1/api-keys/identify: whose key is this? For a secret that was found where it should not be.

The request contains only the SHA-256 of the secret, so asking spreads the secret no further. Retired secrets and keys
that are no longer active are found too. The answer is the same for an unknown secret, for one of another organization,
and for a key that the caller cannot see.

The answer is recorded as `api_key.identified` before it is sent. It is not a use of the key.
"""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.api_keys.schemas import status_of
from app.api.schemas import KeyId
from app.handlers import HttpRequest, Success, get_services, raw_request, success
from app.route import Route
from domain.environment import Environment
from domain.identifications.commands import RecordIdentification
from domain.identifications.decider import IDENTIFICATION
from infrastructure.clock import new_id, now
from projections.read_models.keys.list.filters import Status
from projections.read_models.keys.state.queries import key_by_digest_in_organization


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: Annotated[
        str,
        Meta(
            pattern="^[0-9A-Fa-f]{64}$",
            max_length=64,  # a pattern ignores a line end after the last character
            description='The SHA-256 of the whole secret in hexadecimal, such as `printf %s "$KEY" | sha256sum`.',
        ),
    ]


class IdentifiedKey(Struct, frozen=True):
    """The key that a secret belongs to."""

    id: KeyId
    name: str
    environment: Environment
    status: Status
    secret_version: Annotated[int, Meta(ge=1, description="Which of the key's secrets it is.")]
    is_current: Annotated[
        bool,
        Meta(
            description="Whether it is the newest secret of the key. An older one is accepted only during the overlap "
            "of a rotation."
        ),
    ]


class Identification(Struct, frozen=True):
    """The result. `key` is null if the secret belongs to no key that the caller can see."""

    key: IdentifiedKey | None


@Route(
    "POST",
    "/v1/api-keys/identify",
    access="keys:read",
    tag="Keys",
    summary="Identify a key",
    description="Find the key that a secret belongs to by the SHA-256 of the secret, which is not sent. This is not a "
    "use of the key. The audit log records it as `api_key.identified`.",
    body_example={"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    example=Identification(
        IdentifiedKey(
            id=examples.KEY_ID,
            name="My agent",
            environment="live",
            status="active",
            secret_version=1,
            is_current=True,
        )
    ),
)
async def identify_key(request: HttpRequest, body: Body) -> Success[Identification]:
    services, caller, at = get_services(request), request.auth, now()
    async with services.read_transaction(caller.organization_id) as connection:
        found = await key_by_digest_in_organization(connection, bytes.fromhex(body.sha256), caller.organization_id)
    if found is None or not caller.visible_keys.includes(found.state.key):
        return success(Identification(key=None))
    key = found.state.key
    command = RecordIdentification(
        identification_id=new_id("ident"),
        organization_id=caller.organization_id,
        key_id=key.id,
        secret_version=found.secret_version,
        at=at,
    )
    await services.commands.run(
        IDENTIFICATION,
        command.identification_id,
        caller.organization_id,
        command,
        origin=caller.origin(raw_request(request)),
        at=at,
        requires_unchanged=caller.version_precondition,
    )
    identified = IdentifiedKey(
        id=key.id,
        name=key.name,
        environment=key.environment,
        status=status_of(found.state, at),
        secret_version=found.secret_version,
        is_current=found.secret_version == key.secrets[-1].version,
    )
    return success(Identification(key=identified))
