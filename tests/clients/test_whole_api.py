"""The client covers every route that accepts keys. A new route needs a call in the client, or a reason."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import keyledger.endpoints
from keyledger import clients
from keyledger import resources as groups
from keyledger.call import Call
from keyledger.methods import AsyncIterated, Awaited, Iterated, Sent
from tests.app.scopes import RULES, Route

OMITTED = {
    ("GET", "/v1/auth/check"): "for proxies; applications use verify",
    (
        "DELETE",
        "/v1/api-keys/{key_id}",
    ): "the same as POST …/revoke, which can be retried",
    ("GET", "/v1/organization/usage"): "the same as GET /v1/usage",
    ("GET", "/v1/audit/export"): "a file of any size, for curl; audit.iterate has the same events",
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


@pytest.mark.parametrize("route", [route for route, rule in RULES.items() if rule.keys], ids=" ".join)
def test_the_client_covers_every_route_that_accepts_keys(route: Route) -> None:
    assert any(_fits(route, call) for call in CALLS.values()) is (route not in OMITTED)


@pytest.mark.parametrize("call", CALLS.values(), ids=lambda call: f"{call.method} {call.path}")
def test_every_call_of_the_client_has_a_route(call: Call[Any]) -> None:
    health = {("GET", "/health/live"), ("GET", "/health/ready")}
    assert any(_fits(route, call) for route in {*RULES, *health})


def test_every_call_is_a_method_of_both_clients() -> None:
    for kinds in ((Sent, Iterated), (Awaited, AsyncIterated)):
        documented = {
            value.__doc__
            for module in (clients, groups)
            for _, kind in inspect.getmembers(module, inspect.isclass)
            for value in vars(kind).values()
            if isinstance(value, kinds)
        }
        assert documented == {function.__doc__ for function in CALLS}
