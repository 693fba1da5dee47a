"""No key is shown by what a program is likely to print, log or send to an error tracker."""

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
from tests.clients.flaky_proxy import Meddler, refusal


def test_no_repr_shows_a_key(manager: Caller) -> None:
    made = manager.do(lambda c: c.keys.create("Agent"))
    secret = made.key.reveal()
    shown = [made, made.key, str(made.key), f"{made.key}", verification.verify(secret), [made]]
    assert all(secret not in repr(thing) for thing in shown)
    assert "hush-hush" not in repr(mcps.register("n", "https://x", auth_type="bearer", auth_token="hush-hush"))  # noqa: S106
    for client in (Keyledger("http://h", secret), AsyncKeyledger("http://h", secret)):
        assert secret not in repr(client) + repr(client.keys) + repr(vars(client))


@pytest.mark.parametrize("write_down", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_a_secret_is_not_written_down(write_down: object) -> None:
    assert callable(write_down)
    with pytest.raises(TypeError):
        write_down(Secret("x"))


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"


@pytest.mark.parametrize("deed", ["drop", "cut", refusal(401, body="{}"), refusal(200, body="{}"), refusal(500)])
def test_no_exception_or_log_line_leads_to_a_key(
    meddler: Meddler,
    connect: Connect,
    org: Organization,
    deed: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = unknown_secret()
    meddler.deeds = [deed] * 4
    with pytest.raises(KeyledgerError) as raised:
        connect(meddler.url, org.manager.secret).do(lambda c: c.verify(asked))
    error = raised.value
    assert error.__cause__ is None
    assert error.__context__ is None
    printed = "".join(traceback.format_exception(error)) + caplog.text + repr(vars(error))
    assert asked not in printed
    assert org.manager.secret not in printed


def test_a_key_that_can_not_be_one_is_refused_without_being_quoted() -> None:
    with pytest.raises(ValueError, match="characters") as raised:
        Keyledger("http://127.0.0.1", "schlüssel")
    assert "schl" not in str(raised.value)
    assert raised.value.__context__ is None
