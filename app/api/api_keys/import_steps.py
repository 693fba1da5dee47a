"""The steps of an import: look up the secrets, and create the keys in transactions of `_CHUNK` keys.

Until its commit, each transaction delays other changes in the organization, and at its end the other changes in its
lane of the log. Verification takes none of these locks.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from app.api.api_keys.expiry import expire_overdue_keys
from app.api.api_keys.import_plan import ImportPlan
from app.api.api_keys.import_schemas import ImportedKey
from app.api.api_keys.schemas import status_of
from app.handlers import HttpRequest, get_services, raw_request
from domain.keys.commands import CreateKey
from domain.keys.decider import KEY
from domain.keys.errors import KeyLimitReached
from domain.plans.plan import KeyCounts
from eventstore.errors import ConcurrentChange
from eventstore.execute import RelatedCommand
from infrastructure.clock import now
from projections.read_models.keys.state.errors import DigestTaken
from projections.read_models.keys.state.queries import keys_by_digests_in_organization, taken_digests
from projections.read_models.organizations.counts.queries import keys_guard

_CHUNK = 50
_CONFLICT = "This secret cannot be imported. Create a new key for its holder instead."


async def settle_own(request: HttpRequest, plan: ImportPlan) -> None:
    """Settle the keys whose secrets belong to a key that the caller knows: `exists`."""
    services, caller = get_services(request), request.auth
    digests = {bytes.fromhex(command.secret.digest): index for index, command in plan.commands.items()}
    async with services.read_transaction(caller.organization_id) as connection:
        own = await keys_by_digests_in_organization(connection, list(digests), caller.organization_id)
    for digest, state in own.items():
        # The caller has seen the ids of the keys that it created, even if it cannot see them in the list of keys.
        if caller.visible_keys.includes(state.key) or state.key.created_by == caller.actor:
            status = status_of(state, now())
            plan.settle(ImportedKey(digests[digest], "exists", key_id=state.key.id, status=status))


async def settle_taken(request: HttpRequest, plan: ImportPlan) -> None:
    """Settle the keys whose secrets belong to a key: `exists` if the caller knows it, otherwise `conflict`."""
    digests = [bytes.fromhex(command.secret.digest) for command in plan.commands.values()]
    async with get_services(request).credential_lookup() as connection:
        taken = {digest.hex() for digest in await taken_digests(connection, digests)}
    await settle_own(request, plan)
    for index in [index for index, command in plan.commands.items() if command.secret.digest in taken]:
        plan.settle(ImportedKey(index, "conflict", problems={f"keys[{index}].sha256": _CONFLICT}))


def next_chunk(commands: Mapping[int, CreateKey]) -> dict[int, CreateKey]:
    """Return the first commands in the order of their digests.

    Two imports of the same secrets insert them in this order, so one waits for the other without a deadlock.
    """
    chunk = sorted(commands)[:_CHUNK]
    return {index: commands[index] for index in sorted(chunk, key=lambda index: commands[index].secret.digest)}


async def create_chunk(request: HttpRequest, plan: ImportPlan, chunk: Mapping[int, CreateKey]) -> None:
    """Create the keys of a chunk. If a concurrent request took one of the secrets, only settle those that are taken."""
    try:
        await _run(request, list(chunk.values()), len(plan.commands))
    except DigestTaken as error:
        before = len(plan.commands)
        await settle_taken(request, plan)
        if len(plan.commands) == before:
            # The other transaction was rolled back, or its key is not visible yet.
            raise ConcurrentChange from error
        return
    except KeyLimitReached:
        # Keys that have expired still count until their expiry is recorded, as in the creation of a single key.
        if not await expire_overdue_keys(get_services(request), request.auth.organization_id):
            raise
        return
    for index, command in chunk.items():
        plan.settle(ImportedKey(index, "created", key_id=command.key_id))


async def _run(request: HttpRequest, commands: Sequence[CreateKey], remaining: int) -> None:
    """Create all keys or none, if the plan has room for the `remaining` keys of the request."""
    services, caller = get_services(request), request.auth

    def counted(counts: KeyCounts) -> list[CreateKey]:
        """Return the commands with the counts that each finds after those before it."""
        return [
            replace(command, counts=replace(counts, active=counts.active + number), keys=remaining - number)
            for number, command in enumerate(commands)
        ]

    await services.commands.run(
        KEY,
        commands[-1].key_id,
        caller.organization_id,
        lambda counts: counted(counts)[-1],
        origin=caller.origin(raw_request(request)),
        at=commands[-1].at,
        guard=keys_guard(caller.organization_id, services.plans),
        requires_unchanged=caller.version_precondition,
        related_commands=lambda counts: [
            RelatedCommand(KEY, command.key_id, command) for command in counted(counts)[:-1]
        ],
    )
