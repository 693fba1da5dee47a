"""Whatever a key may ask of the service, the client can ask: a new route needs a call here, or a reason."""

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

BESIDE = {
    ("GET", "/v1/auth/check"): "for proxies: an application asks verify",
    (
        "DELETE",
        "/v1/api-keys/{key_id:str}",
    ): "the same as POST …/revoke, which can be repeated",
    ("GET", "/v1/organization/usage"): "the same as GET /v1/usage",
    ("GET", "/v1/audit/export"): "a file of any size, for curl; audit.iterate has the same events",
}
"""What a key may ask and the client does not."""


def descriptions() -> Iterator[Callable[..., Call[Any]]]:
    """Every function that describes a call."""
    for found in pkgutil.iter_modules(keyledger.endpoints.__path__):
        module = importlib.import_module(f"keyledger.endpoints.{found.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                yield function


def described(function: Callable[..., Call[Any]]) -> Call[Any]:
    """The call, with something for whatever is required."""
    parameters = inspect.signature(function).parameters.values()
    required = [parameter for parameter in parameters if parameter.default is parameter.empty]
    return function(**{parameter.name: "something" for parameter in required})


def _fits(route: Route, call: Call[Any]) -> bool:
    path = re.sub(r"\{\w+:str\}", "something", route[1])
    return (call.method, call.path) == (route[0], path)


CALLS = {function: described(function) for function in descriptions()}


@pytest.mark.parametrize("route", [route for route, rule in RULES.items() if rule.keys], ids=" ".join)
def test_the_client_asks_whatever_a_key_may_ask(route: Route) -> None:
    assert any(_fits(route, call) for call in CALLS.values()) is (route not in BESIDE)


@pytest.mark.parametrize("call", CALLS.values(), ids=lambda call: f"{call.method} {call.path}")
def test_the_client_asks_nothing_that_is_not_there(call: Call[Any]) -> None:
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
