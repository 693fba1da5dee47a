"""POST /v1/api-keys/import: create keys whose secrets another system issued, so that no client has to change.

The request contains the SHA-256 of each secret and never a secret. It is a dry run unless `dry_run` is false: the
response reports for every key what would happen, and nothing changes.

The types of all fields are checked for the request as a whole. Their values are checked for each key: an invalid key is
reported, and the others are imported. A secret that the organization has already is reported as `exists`, so a repeated
request has no effect, and the way to continue after an interruption is to repeat the request. A secret of a key that
the caller cannot see, in any organization, is a `conflict`, which only the import itself reports: in a dry run it is
like an unknown one. The plan's limit is checked for all keys together before the first one is created. If other
requests take the room after that, the rest is refused, and `details.created` is the number of keys created before.

`import_schemas.py` describes the request and the response, `import_plan.py` decides each key, and `import_steps.py`
looks up secrets and creates keys.
"""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.api_keys.import_plan import plan_import
from app.api.api_keys.import_schemas import KEYS_MAX, ImportedKey, ImportedKeys, KeyToImport
from app.api.api_keys.import_steps import create_chunk, next_chunk, settle_own, settle_taken
from app.commands.held_key import held_key
from app.commands.step_by_step import step_by_step
from app.handlers import HttpRequest, Success, encode_success, encoded_success, raw_request, success
from app.http.errors import invalid
from app.http.idempotency import REPLAYED, idempotency_key
from app.route import Route
from domain.keys.errors import KeyLimitReached
from eventstore.idempotency import StoredResponse


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    keys: Annotated[
        tuple[KeyToImport, ...],
        Meta(description="The keys.", extra_json_schema={"minItems": 1, "maxItems": KEYS_MAX}),
    ]
    dry_run: Annotated[bool, Meta(description="True: only report what would happen.")] = True


@Route(
    "POST",
    "/v1/api-keys/import",
    access="keys:write",
    tag="Keys",
    summary="Import keys",
    description="Create keys with the secrets that another system issued, by their SHA-256. A dry run, unless "
    "`dry_run` is false. An invalid key is reported and the others are imported. A repeated request has no effect. If "
    "other requests reach the limit of keys in the meantime, `details.created` is the number of keys created before.",
    example=ImportedKeys(
        dry_run=False,
        created=1,
        would_create=0,
        exists=0,
        duplicate=0,
        conflict=0,
        invalid=1,
        keys=[
            ImportedKey(0, "created", key_id=examples.KEY_ID),
            ImportedKey(1, "invalid", problems={"keys[1].expires_at": "Must be a future date"}),
        ],
    ),
    body_example={
        "dry_run": False,
        "keys": [
            {
                "name": "Build server",
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "permissions": {"mcps": [examples.MCP_ID]},
                "prefix": "acme_",
            }
        ],
    },
    errors=("key_limit_reached",),
    idempotent=True,
)
async def import_keys(request: HttpRequest, body: Body) -> Success[ImportedKeys]:
    if not 1 <= len(body.keys) <= KEYS_MAX:
        raise invalid(keys=f"Must have 1 to {KEYS_MAX} keys")
    idempotency = idempotency_key(raw_request(request), request.auth.id)
    if body.dry_run:
        return success(await _dry_run(request, body))
    if idempotency is None:
        return success(await _import(request, body))
    async with held_key(request, idempotency) as key:
        if key.earlier is not None:
            return encoded_success(key.earlier.body, status=key.earlier.status, headers=REPLAYED)
        imported = await _import(request, body)
        response = StoredResponse(200, encode_success(imported))
        with step_by_step(lambda: imported.created):
            await key.store(response)
        return encoded_success(response.body)


async def _dry_run(request: HttpRequest, body: Body) -> ImportedKeys:
    plan = await plan_import(request, body.keys)
    # Conflicts are not looked up. Otherwise a dry run would tell, without a trace, which secrets other keys have.
    await settle_own(request, plan)
    plan.require_room()
    for index in sorted(plan.commands):
        plan.settle(ImportedKey(index, "would_create"))
    return plan.to_imported_keys(dry_run=True)


async def _import(request: HttpRequest, body: Body) -> ImportedKeys:
    plan = await plan_import(request, body.keys)
    with step_by_step(lambda: plan.created):
        await settle_taken(request, plan)
        while chunk := next_chunk(plan.commands):
            try:
                await create_chunk(request, plan, chunk)
            except KeyLimitReached as error:
                raise KeyLimitReached(**error.details, created=plan.created) from error
    return plan.to_imported_keys(dry_run=False)
