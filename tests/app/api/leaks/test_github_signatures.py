"""POST /v1/leaks/github: only what a configured key of GitHub has signed is read."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.app.api.leaks.github import ROUTE, GitHub, SigningKey, label, match
from tests.app.client import Client
from tests.app.organizations import Api, Key, Organization

MIB = 1024 * 1024


@pytest.fixture
def key(team: Organization) -> Key:
    return team.key()


def is_refused(github: GitHub, anyone: Client, key: Key, signer: SigningKey | None = None, **headers: str) -> bool:
    content = json.dumps([match(key.secret)]).encode()
    answer = github.send(anyone, content, signer, **headers)
    expected = "The body is not signed by a public key of GitHub that this server knows."
    return (answer.status, answer.code, answer.error["message"]) == (403, "forbidden", expected)


FORGED: dict[str, dict[str, str]] = {
    "no signature": {"Github_Public_Key_Signature": ""},
    "no key": {"Github_Public_Key_Identifier": ""},
    "an unknown key": {"Github_Public_Key_Identifier": "0" * 64},
    "no base64": {"Github_Public_Key_Signature": "%%%%"},
    "another encoding": {"Github_Public_Key_Signature": "e30="},
    "zeros": {"Github_Public_Key_Signature": "MAYCAQACAQA="},
    "a long signature": {"Github_Public_Key_Signature": "MEQC" * 5_000},
    "characters beyond ASCII": {"Github_Public_Key_Signature": "é" * 96},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_a_request_without_a_valid_signature_changes_nothing_and_learns_nothing(
    github: GitHub, anyone: Client, team: Organization, key: Key, headers: dict[str, str]
) -> None:
    assert is_refused(github, anyone, key, None, **headers)
    assert team.verify(key.secret)["valid"] is True


def test_a_signature_of_another_body_or_key_is_refused(
    github: GitHub, anyone: Client, team: Organization, key: Key
) -> None:
    other = github.key.signature(b"[]")
    assert is_refused(github, anyone, key, Github_Public_Key_Signature=other)
    assert is_refused(github, anyone, key, SigningKey())
    forged = SigningKey()
    forged.identifier = github.key.identifier
    assert is_refused(github, anyone, key, forged)
    content = json.dumps([match(key.secret)]).encode()
    changed = github.send(anyone, content + b" ", Github_Public_Key_Signature=github.key.signature(content))
    assert changed.status == 403
    assert team.verify(key.secret)["valid"] is True


def test_a_key_of_the_organization_is_no_signature(team: Organization, key: Key) -> None:
    assert team.client.post(ROUTE, [match(key.secret)]).status == 403


def test_new_keys_of_github_are_read_without_a_restart(github: GitHub, anyone: Client, key: Key) -> None:
    new = SigningKey()
    assert is_refused(github, anyone, key, new)
    github.publish(github.key, new)
    content = json.dumps([match(key.secret)]).encode()
    assert github.send(anyone, content, new).json == [label(key.secret, known=True)]
    assert github.send(anyone, content).status == 200, "the former key is still in the file"
    github.publish(new)
    assert is_refused(github, anyone, key)
    github.publish(github.key)
    assert is_refused(github, anyone, key, new)


@pytest.mark.parametrize("content", ["", "{}", '{"public_keys": []}', "no JSON", '{"public_keys": [{"key": 1}]}'])
def test_a_file_that_became_unusable_leaves_the_former_keys(
    leaks_api: Api, github: GitHub, anyone: Client, key: Key, content: str
) -> None:
    github.write(content)
    try:
        assert github.report(anyone, match(key.secret)).status == 200
        assert b"github_keys_unusable" in leaks_api.server.log.read_bytes()
    finally:
        github.publish(github.key)


def test_a_file_that_is_missing_leaves_the_former_keys(github: GitHub, anyone: Client, key: Key) -> None:
    github.file.unlink()
    try:
        assert github.report(anyone, match(key.secret)).status == 200
    finally:
        github.publish(github.key)


def test_a_key_on_another_curve_is_not_accepted(github: GitHub, anyone: Client, key: Key) -> None:
    other = SigningKey(ec.SECP384R1())
    github.publish(other)
    try:
        assert is_refused(github, anyone, key, other)
    finally:
        github.publish(github.key)


def test_a_server_without_keys_of_github_says_so(api: Api, github: GitHub) -> None:
    answer = github.report(api.client(), match("x"))
    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.error["message"].startswith("This server accepts no reports of GitHub")


@pytest.mark.parametrize("size", [MIB + 1, 10 * MIB])
def test_a_large_body_is_refused(github: GitHub, anyone: Client, size: int) -> None:
    content = b"[" + b" " * (size - 2) + b"]"
    assert github.send(anyone, content).status == 413


NOT_AN_ARRAY: list[Any] = [b"", b"{}", b"null", b'"pk_live_"', b"[", b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("content", NOT_AN_ARRAY, ids=lambda content: repr(content[:12]))
def test_a_signed_body_that_is_no_array_is_refused(github: GitHub, anyone: Client, content: bytes) -> None:
    answer = github.send(anyone, content)
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_matches_in_a_wrong_form_do_not_prevent_the_others(
    leaks_api: Api, github: GitHub, anyone: Client, team: Organization, key: Key
) -> None:
    tokens = [{}, {"token": 5}, {"token": None}, {"token": ["x"]}, {"token": key.secret, "url": 7}, {"url": "x"}]
    wrong: list[object] = [5, None, [], "x", *tokens]
    answer = github.report(anyone, *wrong, {**match(key.secret), "new_field": {"of": "GitHub"}})
    assert answer.json == [label(key.secret, known=True)]
    assert team.verify(key.secret)["code"] == "disabled_key"
    assert b"github_matches_unreadable" in leaks_api.server.log.read_bytes()


def test_a_match_needs_nothing_but_its_token(github: GitHub, anyone: Client, team: Organization, key: Key) -> None:
    answer = github.report(anyone, {"token": key.secret})
    assert answer.json == [{**label(key.secret, known=True), "token_type": ""}]
    assert team.verify(key.secret)["code"] == "disabled_key"


def test_an_empty_array_and_parameters(github: GitHub, anyone: Client) -> None:
    assert github.report(anyone).json == []
    content = b"[]"
    headers = {
        "Github-Public-Key-Identifier": github.key.identifier,
        "Github-Public-Key-Signature": github.key.signature(content),
    }
    assert anyone.request("POST", ROUTE + "?a=1", content=content, headers=headers).status == 422
    assert anyone.request("GET", ROUTE).status == 405
