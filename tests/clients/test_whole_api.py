"""The client covers every route that accepts keys. A new route needs a call in the client, or a reason."""

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import keyledger.endpoints
from keyledger import clients
from keyledger import resources as groups
from keyledger.call import Call
from keyledger.methods import AsyncIterated, AsyncStreamed, Awaited, Iterated, Sent, Streamed
from tests.app.scopes import RULES, Route
from tests.clients.every_command import COMMANDS

OMITTED = {
    ("GET", "/v1/auth/check"): "for proxies; applications use verify",
    (
        "DELETE",
        "/v1/api-keys/{key_id}",
    ): "the same as POST …/revoke, which can be retried",
    ("GET", "/v1/organization/usage"): "the same as GET /v1/usage",
}
"""Routes that accept keys and are not in the client, with the reasons."""


def descriptions() -> Iterator[Callable[..., Call[Any]]]:
    """Yield every function that describes a call."""
    for found in pkgutil.iter_modules(keyledger.endpoints.__path__):
        module = importlib.import_module(f"keyledger.endpoints.{found.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                yield function


def described(function: Callable[..., Call[Any]]) -> Call[Any]:
    """Return the call, with a placeholder for each required argument."""
    parameters = inspect.signature(function).parameters.values()
    required = [parameter for parameter in parameters if parameter.default is parameter.empty]
    return function(**{parameter.name: "something" for parameter in required})


def _fits(route: Route, call: Call[Any]) -> bool:
    path = re.sub(r"\{\w+\}", "something", route[1])
    return (call.method, call.path) == (route[0], path)


CALLS = {function: described(function) for function in descriptions()}
DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text("utf-8"))
OPERATIONS: dict[str, Route] = {
    operation["operationId"]: (method.upper(), path)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if method != "parameters"
}


@pytest.mark.parametrize("route", [route for route, rule in RULES.items() if rule.keys], ids=" ".join)
def test_the_client_covers_every_route_that_accepts_keys(route: Route) -> None:
    assert any(_fits(route, call) for call in CALLS.values()) is (route not in OMITTED)


@pytest.mark.parametrize(("function", "call"), CALLS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_every_call_of_the_client_is_the_operation_with_its_name(
    function: Callable[..., Call[Any]], call: Call[Any]
) -> None:
    assert _fits(OPERATIONS[function.__name__], call)


def test_every_call_is_a_method_of_both_clients() -> None:
    for kinds in ((Sent, Iterated, Streamed), (Awaited, AsyncIterated, AsyncStreamed)):
        assert {value.__doc__ for _, value in _methods(*kinds)} == {function.__doc__ for function in CALLS}


def test_every_method_has_the_verb_of_its_operation() -> None:
    operations = {function.__doc__: function.__name__ for function in CALLS}
    assert len(operations) == len(CALLS)
    for name, value in _methods(Sent, Awaited, Streamed, AsyncStreamed):
        operation = operations[value.__doc__]
        assert name.partition("_")[0] == operation.partition("_")[0], (name, operation)
    for name, value in _methods(Iterated, AsyncIterated):
        assert name.partition("_")[0] == "iterate"
        assert operations[value.__doc__].startswith("list_"), name


def _methods(*kinds: type) -> list[tuple[str, object]]:
    """Return the methods of these kinds in all clients and groups, with their names."""
    return [
        (name, value)
        for module in (clients, groups)
        for _, owner in inspect.getmembers(module, inspect.isclass)
        for name, value in vars(owner).items()
        if isinstance(value, kinds)
    ]


_OTHER_COMMANDS = {
    "verify": "keys verify",
    "invoke": "tools call",
    "read_resource": "tools read",
    "list_servers": "mcps list-reachable",
    "get_liveness": "health",
    "get_readiness": "health",
    "keys.import_many": "keys import",
    "keys.list_activity": "keys activity",
    "keys.iterate_activity": "keys activity",
    "keys.get_usage": "usage get",
    "keys.get_clients": "keys clients",
    "keys.list_creators": "keys creators",
    "mcps.list_names": "keys list",
    "members.create_invitation": "invitations create",
    "members.list_invitations": "invitations list",
    "members.iterate_invitations": "invitations list",
    "members.get_invitation": "invitations get",
    "members.delete_invitation": "invitations withdraw",
    "members.delete": "members remove",
    "usage.list_history": "usage history",
    "usage.iterate_history": "usage history",
    "webhooks.list_deliveries": "webhooks deliveries",
    "webhooks.iterate_deliveries": "webhooks deliveries",
    "webhooks.retry_delivery": "webhooks retry",
}
"""The commands of methods whose names differ."""


def _named_methods() -> Iterator[str]:
    """Yield the methods of the sync client as "keys.create", or as "verify" if they belong to no group."""
    for owner in (clients.Keyledger, *(kind for _, kind in inspect.getmembers(groups, inspect.isclass))):
        for name, value in vars(owner).items():
            if isinstance(value, Sent | Iterated | Streamed):
                yield name if owner is clients.Keyledger else f"{owner.__name__.lower()}.{name}"


@pytest.mark.parametrize("name", [*_named_methods()])
def test_every_method_of_the_client_has_a_command(name: str) -> None:
    group, _, method = name.rpartition(".")
    same = f"{group} {method.replace('iterate', 'list').replace('_', '-')}"
    assert tuple(_OTHER_COMMANDS.get(name, same).split()) in COMMANDS
