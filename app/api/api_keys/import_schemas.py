"""The request and the response of an import of keys."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.api_keys.new_key import NewKey
from app.api.api_keys.schemas import Status
from app.api.schemas import Count, KeyId
from domain.keys.fields import LAST4_LENGTH_MAX, PREFIX_LENGTH_MAX

KEYS_MAX = 1_000


class KeyToImport(NewKey, frozen=True, kw_only=True):
    """A key of another system."""

    sha256: Annotated[
        str,
        Meta(
            description="The SHA-256 of the whole secret in hexadecimal, base64 or base64url. The secret has 16 to 255 "
            "printable ASCII characters and no comma, and at least 128 random bits."
        ),
    ]
    prefix: Annotated[
        str,
        Meta(
            description="The first characters of the secret, by which people recognize it. They are shown.",
            extra_json_schema={"maxLength": PREFIX_LENGTH_MAX},
        ),
    ] = ""
    last4: Annotated[
        str,
        Meta(
            description="The last characters of the secret. They are shown.",
            extra_json_schema={"maxLength": LAST4_LENGTH_MAX},
        ),
    ] = ""


ImportOutcome = Annotated[
    Literal["created", "would_create", "exists", "duplicate", "conflict", "invalid"],
    Meta(
        description="`exists`: the organization has this secret already. `duplicate`: an earlier key of the request "
        "has the same secret. `conflict`: the secret cannot be imported; a dry run reports it as `would_create`. "
        "`invalid`: see `problems`."
    ),
]


class ImportedKey(Struct, frozen=True):
    """The outcome for one key of the request."""

    index: Annotated[int, Meta(ge=0, description="The position in the request, from 0.")]
    outcome: ImportOutcome
    key_id: Annotated[KeyId, Meta(description="The id of a key that was created or exists.")] | UnsetType = UNSET
    status: (
        Annotated[Status, Meta(description="The status of a key that exists. An import does not change it.")]
        | UnsetType
    ) = UNSET
    problems: Annotated[dict[str, str], Meta(description="The problem of each field, by its path.")] | UnsetType = UNSET


class ImportedKeys(Struct, frozen=True):
    """The numbers of keys by outcome, and the outcome for each key in the order of the request."""

    dry_run: bool
    created: Count
    would_create: Count
    exists: Count
    duplicate: Count
    conflict: Count
    invalid: Count
    keys: list[ImportedKey]
