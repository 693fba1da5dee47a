"""Keys do not appear in the data that programs usually print, log or send to an error tracker."""

import pytest

from tests.app.organizations import Organization, unknown_secret
from tests.clients.flaky_proxy import Action, FlakyProxy, refusal
from tests.clients.typescript.conftest import CallFailed, Evaluate


def test_no_text_json_or_inspection_shows_a_key(org: Organization, evaluate: Evaluate) -> None:
    code = """
        const created = await client.keys.create({ name: "Agent" });
        const secret = created.key.reveal();
        const shown = [
          String(created.key),
          JSON.stringify([created, client, structuredClone(created.key)]),
          inspect([created, client], { depth: 9, showHidden: true }),
          inspect([created, client], { depth: 9, showHidden: true, customInspect: false }),
        ];
        const leaks = shown.filter((text) => text.includes(secret) || text.includes(given.manager));
        return [secret.length, leaks, shown[0], JSON.stringify(created.key), inspect(created.key), inspect(client)];
    """
    length, leaks, text, json, *inspected = evaluate(code, manager=org.manager.secret)
    assert (length, leaks) == (40, [])
    assert (text, json) == ("Secret(…)", '"Secret(…)"')
    assert inspected == ["Secret(…)", f"Keyledger({org.api.url})"]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ('keys.create({ name: "Agent" })', "key"),
        ('webhooks.create({ url: "https://hooks.example.com/x" })', "secret"),
        ('members.createInvitation({ email: "ada@example.com", role: "viewer" })', "invite_url"),
    ],
)
def test_every_secret_in_a_result_is_protected(evaluate: Evaluate, call: str, field: str) -> None:
    code = f"const made = await client.{call}; return [String(made.{field}), made.{field}.reveal().length > 20];"
    assert evaluate(code) == ["Secret(…)", True]


def test_secrets_with_equal_texts_are_equal(evaluate: Evaluate) -> None:
    code = """
        const { Secret } = keyledger;
        return [new Secret("a"), new Secret("b"), "a"].map((other) => new Secret("a").equals(other));
    """
    assert evaluate(code) == [True, False, False]


@pytest.mark.parametrize("action", ["drop", "cut", refusal(401, body="{}"), refusal(200, body="{}"), refusal(500)])
def test_no_error_contains_a_key(evaluate: Evaluate, proxy: FlakyProxy, org: Organization, action: Action) -> None:
    proxy.actions = [action] * 4
    with pytest.raises(CallFailed) as failed:
        evaluate("await client.verify(given.secret);", url=proxy.url, secret=unknown_secret())
    shown = str(failed.value.error)
    assert unknown_secret() not in shown
    assert org.manager.secret not in shown
    assert "cause" not in shown


def test_an_error_of_the_service_does_not_contain_a_key(evaluate: Evaluate) -> None:
    with pytest.raises(CallFailed) as failed:
        evaluate("await client.keys.list();", key=unknown_secret())
    assert failed.value.error["name"] == "Unauthorized"
    assert unknown_secret() not in str(failed.value.error)


@pytest.mark.parametrize("key", ["schlüssel", "two words", "line\nend", ""])
def test_an_impossible_management_key_is_refused_without_being_quoted(evaluate: Evaluate, key: str) -> None:
    with pytest.raises(CallFailed, match="key") as failed:
        evaluate('return new keyledger.Keyledger("http://127.0.0.1", given.given);', given=key)
    assert failed.value.error["name"] == "TypeError"
    assert not key or key not in str(failed.value.error)


@pytest.mark.parametrize(
    "url", [None, "", "keys.example.com", "ftp://keys.example.com", "https://user:word@example.com"]
)
def test_an_impossible_url_is_refused_without_being_quoted(evaluate: Evaluate, url: str | None) -> None:
    with pytest.raises(CallFailed, match="URL of the service") as failed:
        evaluate('return new keyledger.Keyledger(given.given ?? undefined, "x");', given=url)
    assert "user:word" not in str(failed.value.error)


def test_a_missing_management_key_is_reported(evaluate: Evaluate) -> None:
    with pytest.raises(CallFailed, match="key is missing"):
        evaluate('return new keyledger.Keyledger("http://127.0.0.1", undefined);')
