"""Errors, keys and addresses are read as by the Python client."""

import inspect
import random
import re

from app.http.error_catalogue import ERRORS
from domain.secret import ENTROPY_BYTES, parse_foreign
from keyledger import errors
from keyledger.address import canonical_address
from keyledger.secret import flaw_of, may_be_imported
from tests.app.organizations import unknown_secret
from tests.clients.typescript.conftest import Evaluate
from tests.clients.typescript.installation import PACKAGE
from tests.random_input import random_bytes, random_seed

_ADDRESSES = [
    "10.1.2.3",
    " 10.1.2.3\t",
    "10.1.2.3:65535",
    "10.1.2.3:65536",
    "10.1.2.3:",
    "10.1.2",
    "10.1.2.256",
    "010.1.2.3",
    "0x7f.0.0.1",
    "2130706433",
    "[10.1.2.3]",
    "::1",
    "[::1]:80",
    "[::1]:99999",
    "::1:80",
    "2001:DB8:0:0:1:0:0:1",
    "2001:db8::0:1",
    "1:0:0:2:0:0:0:3",
    "::ffff:10.1.2.3",
    "::ffff:0a01:0203",
    "::ffff:010.1.2.3",
    "::10.1.2.3",
    "fe80::1%eth0",
    "[fe80::1%25eth0]:443",
    "1::2::3",
    "12345::",
    ":::",
    "::1]",
    "[::1",
    "::1/64",
    "::g",
    "localhost",
    "unix:/run/socket",
    "",
    "%",
    "10.1.2.3, 10.1.2.4",
]


def test_addresses_are_read_as_by_the_python_client(evaluate: Evaluate) -> None:
    code = """
        const { checkRequest } = await import("keyledger/fetch");
        const request = new Request("http://x/", { headers: { "X-API-Key": given.secret } });
        const asked = [];
        const verify = async (_key, question) => {
          asked.push(question.ip ?? null);
          return { valid: true, code: "valid" };
        };
        for (const address of given.addresses) await checkRequest({ verify }, request, { address });
        return asked;
    """
    read = evaluate(code, addresses=_ADDRESSES, secret=unknown_secret())
    assert dict(zip(_ADDRESSES, read, strict=True)) == {text: canonical_address(text) for text in _ADDRESSES}


def test_the_form_of_a_key_is_checked_as_by_the_python_client(evaluate: Evaluate) -> None:
    keys = [unknown_secret(random_bytes(ENTROPY_BYTES)) for _ in range(20)]
    chosen = random.Random(random_seed())  # noqa: S311 -- no secret
    altered: list[str] = []
    for key in keys:
        at = chosen.randrange(len(key))
        altered += [
            key[:at] + chosen.choice("aZ0_ é") + key[at + 1 :],
            key[:at] + key[at + 1 :],
            key + "0",
            key.lower(),
        ]
    texts = [*keys, *altered, "", "pk_live_", "x" * 40]
    formed = evaluate("return given.texts.map((text) => keyledger.isWellFormed(text));", texts=texts)
    assert dict(zip(texts, formed, strict=True)) == {text: flaw_of(text) is None for text in texts}
    assert sum(formed) >= len(keys)


def test_secrets_of_imported_keys_are_recognized_as_by_the_python_client_and_the_service(evaluate: Evaluate) -> None:
    own = unknown_secret()
    texts = [
        "",
        "x" * 15,
        "x" * 16,
        "x" * 255,
        "x" * 256,
        "x" * 16 + "\n",
        "a b" * 8,
        "a,b" * 8,
        "é" * 20,
        own,
        own[:-1],
    ]
    texts += [own[:-1] + "!", own[:-6] + "000000", "sk_live_" + "0" * 24, *map(chr, range(33, 127))]
    texts = [*texts, *[character * 20 for character in map(chr, range(256))]]
    code = """
        const { checkRequest } = await import("keyledger/fetch");
        const asked = [];
        const verifier = {
          verify: async (key) => {
            asked.push(key.reveal());
            return { valid: true, code: "valid" };
          },
        };
        for (const text of given.texts) {
          const headers = new Headers();
          try { headers.set("X-API-Key", text); } catch { continue; }
          await checkRequest(verifier, new Request("http://x/", { headers }), { acceptImported: true });
        }
        return asked;
    """
    sent = set(evaluate(code, texts=texts))
    recognized = {text for text in texts if may_be_imported(text)}
    assert recognized == {text for text in texts if parse_foreign(text) is not None}
    assert sent - {own, "x" * 16} == recognized - {"x" * 16}


def test_the_clients_have_the_same_errors(evaluate: Evaluate) -> None:
    code = """
        const { KeyledgerError } = keyledger;
        const isError = ([, kind]) => kind === KeyledgerError || kind.prototype instanceof KeyledgerError;
        const errors = Object.entries(keyledger).filter(isError);
        return errors.map(([name, kind]) => [name, Object.getPrototypeOf(kind).name]);
    """
    python = {
        name: kind.__mro__[1].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.KeyledgerError)
    }
    assert dict(evaluate(code)) == {**python, "KeyledgerError": "Error"}
    readme = (PACKAGE / "README.md").read_text("utf-8")
    assert all(re.search(rf"`{name}`", readme) for name in python)


def test_every_error_of_the_service_has_the_class_of_the_python_client(evaluate: Evaluate) -> None:
    code = """
        const names = {};
        for (const [code, status] of Object.entries(given.statuses)) {
          const body = JSON.stringify({ error: { code, message: "No." } });
          const options = { retries: keyledger.NO_RETRIES, fetch: async () => new Response(body, { status }) };
          const { keys } = new keyledger.Keyledger("http://service", "x", options);
          names[code] = (await keys.list().catch((error) => error)).name;
        }
        return names;
    """
    statuses = {code: int(error.status) for code, error in ERRORS.items()}
    assert evaluate(code, statuses=statuses) == {
        code: errors.error_class(code, status).__name__ for code, status in statuses.items()
    }
