"""The plan of an import: a command for each key that can be created, and the outcomes of all others."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from app.api.api_keys.import_schemas import ImportedKey, ImportedKeys, KeyToImport
from app.api.api_keys.key_context import known_secrets
from app.handlers import HttpRequest, get_services
from domain.keys.commands import CreateKey
from domain.keys.decider import KEY
from domain.keys.errors import KeyLimitReached
from domain.refusal import Refusal
from domain.secret import SecretRecord, digests_of_words, parse_digest
from infrastructure.clock import new_id, now
from projections.read_models.keys.list.queries import overdue_active
from projections.read_models.mcps.list.queries import environments
from projections.read_models.organizations.counts.queries import key_counts

T = TypeVar("T")

PAUSE_EVERY = 50
"""Other requests of the process wait while this many keys are decided, which takes a few milliseconds."""

_DIGEST_EXPECTED = "Must be the SHA-256 of the secret: 32 bytes in hexadecimal, base64 or base64url"
_FIELD_OF_DETAIL = {"required": "permissions.manage"}
_CALLER_LACKS = "Must not contain grants that the caller lacks"


class ImportPlan(Struct):
    """The commands that are left by index in the request, and the outcomes of all other keys."""

    commands: dict[int, CreateKey]
    outcomes: dict[int, ImportedKey]

    @property
    def created(self) -> int:
        return sum(outcome.outcome == "created" for outcome in self.outcomes.values())

    def settle(self, outcome: ImportedKey) -> None:
        self.commands.pop(outcome.index, None)
        self.outcomes[outcome.index] = outcome

    def require_room(self) -> None:
        """Raise `KeyLimitReached` if the plan of the organization had no room for all keys when they were planned."""
        for command in list(self.commands.values())[:1]:
            KEY.decide(None, replace(command, keys=len(self.commands)))

    def to_imported_keys(self, *, dry_run: bool) -> ImportedKeys:
        listed = [self.outcomes[index] for index in sorted(self.outcomes)]
        counted: Counter[str] = Counter(each.outcome for each in listed)
        return ImportedKeys(
            dry_run=dry_run,
            created=counted["created"],
            would_create=counted["would_create"],
            exists=counted["exists"],
            duplicate=counted["duplicate"],
            conflict=counted["conflict"],
            invalid=counted["invalid"],
            keys=listed,
        )


async def plan_import(request: HttpRequest, keys: Sequence[KeyToImport]) -> ImportPlan:
    """Return the plan with the outcomes that the request alone decides: `invalid` and `duplicate`."""
    services, caller, at = get_services(request), request.auth, now()
    words = {digest async for key in with_pauses(keys) for digest in digests_of_words(key.texts)}
    async with services.read_transaction(caller.organization_id) as connection:
        known_mcps = await environments(connection, caller.organization_id)
        counts = await key_counts(connection, caller.organization_id, services.plans)
        overdue = await overdue_active(connection, caller.organization_id, at)
        secrets = await known_secrets(connection, words, caller.organization_id)
    counts = replace(counts, active=counts.active - overdue)
    plan, seen = ImportPlan({}, {}), set[str]()
    # Keys of one instant are listed in the order of their ids.
    ids = sorted(new_id("key") for _ in keys)
    async for index, key in with_pauses(enumerate(keys)):
        digest = parse_digest(key.sha256)
        command = key.command(
            ids[index],
            caller,
            SecretRecord("" if digest is None else digest.hex(), key.prefix, key.last4),
            at,
            expires_at=key.expires_at,
            counts=counts,
            known_mcps=known_mcps,
            known_secrets=secrets,
            imported=True,
        )
        problems = _problems_of(command, index)
        if digest is None:
            problems[f"keys[{index}].sha256"] = _DIGEST_EXPECTED
        if problems:
            plan.settle(ImportedKey(index, "invalid", problems=problems))
        elif command.secret.digest in seen:
            plan.settle(ImportedKey(index, "duplicate"))
        else:
            seen.add(command.secret.digest)
            plan.commands[index] = command
    return plan


async def with_pauses(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items, and let other requests run after every `PAUSE_EVERY` of them."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % PAUSE_EVERY == 0:
            await asyncio.sleep(0)


def _problems_of(command: CreateKey, index: int) -> dict[str, str]:
    """Return why the command would be refused, by the path of each field.

    The limit of the plan, which is checked last, is no problem of a single key.
    """
    try:
        KEY.decide(None, command)
    except KeyLimitReached:
        return {}
    except Refusal as refusal:
        if refusal.code == "validation_error":
            return {f"keys[{index}].{name}": str(problem) for name, problem in refusal.details.items()}
        return {
            f"keys[{index}].{_FIELD_OF_DETAIL.get(name, name)}": _not_granted(name, problem)
            for name, problem in refusal.details.items()
        }
    return {}


def _not_granted(name: str, problem: object) -> str:
    """Return a detail of `ExceedsAuthority` as the problem of a field."""
    return _CALLER_LACKS if name == "required" else str(problem)
