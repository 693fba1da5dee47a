"""Derive the rows of the key list from a change."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from domain.keys.events import KeyEvent
from domain.keys.state import Existing, KeyState
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.keys.list.queries import SQL
from projections.read_models.keys.list.search_terms import (
    EVERY_MCP,
    created_by,
    mcp_term,
    open_grant_term,
    terms_of,
    word_marked,
)


class Cell(NamedTuple):
    """The attributes by which keys are counted."""

    facet: str
    environment: str
    status: str


def apply(change: Change[Any, KeyEvent]) -> Iterable[Statement]:
    before: KeyState = change.before
    after: Existing = change.after
    yield put(after)
    organization_id = after.key.organization_id
    had, has = terms(before), terms(after)
    if had - has:
        yield Statement(SQL.key_terms_remove, (organization_id, sorted(had - has), after.key.id))
    if has - had:
        yield Statement(SQL.key_terms_add, (organization_id, sorted(has - had), after.key.id))
    moved = {cell: keys for cell, keys in _difference(before, after).items() if keys}
    if moved:
        columns = zip(*sorted(moved), strict=True)
        yield Statement(
            SQL.key_counts_move, (organization_id, *map(list, columns), [moved[cell] for cell in sorted(moved)])
        )


def put(state: Existing) -> Statement:
    """Return the statement that writes the whole row of a key."""
    key = state.key
    ends = [s.valid_until for s in key.secrets if s.valid_until is not None and not s.retired]
    all_mcps = key.permissions.mcps == "*"
    return Statement(
        SQL.key_list_put,
        (
            key.id,
            key.organization_id,
            key.name,
            word_marked(key.name),
            key.current_secret.prefix,
            key.environment,
            state.__struct_config__.tag,
            key.created_by.id,
            key.created_at,
            key.expires_at,
            min(ends, default=None),
            all_mcps,
            [] if all_mcps else list(key.permissions.mcps),
        ),
    )


def terms(state: KeyState) -> set[str]:
    """Return the terms by which a search finds a key in this state."""
    if state is None:
        return set()
    return {*terms_of(state.key.name, state.key.current_secret.prefix), *_mcps(state), *_open_grants(state)}


def cells(state: KeyState) -> set[Cell]:
    """Return the cells that count a key in this state, once each."""
    if state is None:
        return set()
    status = str(state.__struct_config__.tag)
    facets = ("", created_by(state.key.created_by.id), *_mcps(state))
    return {Cell(facet, state.key.environment, status) for facet in facets}


def _mcps(state: Existing) -> list[str]:
    mcps = state.key.permissions.mcps
    return [EVERY_MCP] if mcps == "*" else [mcp_term(mcp_id) for mcp_id in mcps]


def _open_grants(state: Existing) -> list[str]:
    key = state.key
    return [] if key.allowed_ips else [open_grant_term(grant) for grant in key.permissions.manage]


def _difference(before: KeyState, after: KeyState) -> Counter[Cell]:
    difference = Counter(cells(after))
    difference.subtract(cells(before))
    return difference
