"""Both clients have the same methods, with the types of the underlying calls (which pyright checks)."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import assert_type

import pytest

from keyledger import AsyncKeyledger, CreatedKey, Keyledger, Member, Page, Verification
from keyledger import resources as groups
from keyledger.endpoints import keys
from keyledger.models.keys import ListedKey
from keyledger.models.mcps import ListedMcp

GROUPS = ("Keys", "Mcps", "Organization", "Members", "Usage", "Alerts", "Audit", "Webhooks")
PAIRS: list[tuple[type, type]] = [
    (Keyledger, AsyncKeyledger),
    *((getattr(groups, name), getattr(groups, f"Async{name}")) for name in GROUPS),
]


@pytest.mark.parametrize(("sync_class", "async_class"), PAIRS)
def test_both_clients_have_the_same_methods(sync_class: type, async_class: type) -> None:
    assert _methods(sync_class) == _methods(async_class)
    assert all(getattr(getattr(sync_class, name), "__doc__", None) for name in _methods(sync_class) if name != "close")


def test_both_clients_have_all_groups_of_methods() -> None:
    with Keyledger("http://127.0.0.1", "x") as sync_client:
        async_client = AsyncKeyledger("http://127.0.0.1", "x")
        for name in GROUPS:
            assert type(getattr(sync_client, name.lower())) is getattr(groups, name)
            assert type(getattr(async_client, name.lower())) is getattr(groups, f"Async{name}")


def test_methods_have_the_documentation_and_parameters_of_their_calls() -> None:
    with Keyledger("http://127.0.0.1", "x") as client:
        assert client.keys.create.__doc__ == keys.create_key.__doc__
        assert list(inspect.signature(client.keys.create).parameters) == list(
            inspect.signature(keys.create_key).parameters
        )


def the_sync_client_is_typed(client: Keyledger) -> None:
    assert_type(client.keys.create("x", expires_in_days=3), CreatedKey)
    assert_type(client.keys.list(per_page=3), Page[ListedKey])
    assert_type(client.keys.iterate(), Iterator[ListedKey])
    assert_type(client.mcps.iterate(), Iterator[ListedMcp])
    assert_type(client.members.iterate(role="viewer"), Iterator[Member])
    assert_type(client.verify("x", tool="add"), Verification)
    client.keys.create(3)  # pyright: ignore[reportArgumentType]
    client.keys.create("x", expires="async_class")  # pyright: ignore[reportCallIssue]


async def the_async_client_is_typed(client: AsyncKeyledger) -> None:
    assert_type(await client.keys.create("x", expires_in_days=3), CreatedKey)
    assert_type(await client.keys.list(per_page=3), Page[ListedKey])
    assert_type(client.keys.iterate(), AsyncIterator[ListedKey])
    assert_type(await client.verify("x", tool="add"), Verification)


CHECKED_BY_PYRIGHT: list[Callable[..., object]] = [the_sync_client_is_typed, the_async_client_is_typed]


def _methods(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}
