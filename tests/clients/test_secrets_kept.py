"""Keys do not appear in the data that programs usually print, log or send to an error tracker."""

import copy
import json
import logging
import pickle
import traceback

import pytest

from keyledger import AsyncKeyledger, Keyledger, KeyledgerError, Secret
from keyledger.endpoints import mcps, verification
from tests.app.organizations import Organization, unknown_secret
from tests.clients.conftest import Caller, Connect
from tests.clients.flaky_proxy import FlakyProxy, refusal


def test_no_repr_shows_a_key(manager: Caller) -> None:
    made = manager.do(lambda c: c.keys.create("Agent"))
    secret = made.key.reveal()
    shown = [made, made.key, str(made.key), f"{made.key}", verification.verify_key(secret), [made]]
    assert all(secret not in repr(thing) for thing in shown)
    assert "hush-hush" not in repr(mcps.create_mcp("n", "https://x", auth_type="bearer", auth_token="hush-hush"))  # noqa: S106
    for client in (Keyledger("http://h", secret), AsyncKeyledger("http://h", secret)):
        assert secret not in repr(client) + repr(client.keys) + repr(vars(client))


@pytest.mark.parametrize("serialize", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_a_secret_cannot_be_serialized_or_copied(serialize: object) -> None:
    assert callable(serialize)
    with pytest.raises(TypeError):
        serialize(Secret("x"))


def test_secrets_with_equal_texts_are_equal() -> None:
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"


@pytest.mark.parametrize("action", ["drop", "cut", refusal(401, body="{}"), refusal(200, body="{}"), refusal(500)])
def test_no_exception_or_log_line_contains_or_references_a_key(
    proxy: FlakyProxy,
    connect: Connect,
    org: Organization,
    action: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    verified_key = unknown_secret()
    proxy.actions = [action] * 4
    with pytest.raises(KeyledgerError) as raised:
        connect(proxy.url, org.manager.secret).do(lambda c: c.verify(verified_key))
    error = raised.value
    assert error.__cause__ is None
    assert error.__context__ is None
    printed = "".join(traceback.format_exception(error)) + caplog.text + repr(vars(error))
    assert verified_key not in printed
    assert org.manager.secret not in printed


def test_a_key_with_impossible_characters_is_refused_without_being_quoted() -> None:
    with pytest.raises(ValueError, match="characters") as raised:
        Keyledger("http://127.0.0.1", "schlüssel")
    assert "schl" not in str(raised.value)
    assert raised.value.__context__ is None
