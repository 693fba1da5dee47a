"""The generated methods: up to date, complete, and named like those of the Python client."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from clients.typescript.generator import __main__ as command
from clients.typescript.generator.module import module_of
from clients.typescript.generator.names import METHODS, OMITTED
from keyledger import Keyledger, resources
from keyledger.methods import Sent, Streamed
from tests.clients import test_whole_api
from tests.clients.typescript.conftest import CallFailed, Evaluate
from tests.clients.typescript.installation import PACKAGE

DOCUMENT = json.loads(command.DOCUMENT.read_text("utf-8"))
OPERATIONS = test_whole_api.OPERATIONS
NO_CHANGES = {"invoke_tool", "read_resource", "test_mcp"}
"""Operations that accept an Idempotency-Key, but are not repeated under one: see `Repeat` in call.ts."""

README = (PACKAGE / "README.md").read_text("utf-8")


def test_the_generated_module_is_up_to_date(tmp_path: Path) -> None:
    generated = tmp_path / "generated.ts"
    command.main([str(generated)])
    assert (PACKAGE / "src/generated.ts").read_text("utf-8") == generated.read_text("utf-8"), "run make fix"


def test_every_operation_is_in_the_client_or_omitted_for_a_reason() -> None:
    assert set(METHODS) | set(OMITTED) == set(OPERATIONS)
    assert not set(METHODS) & set(OMITTED)


@pytest.mark.parametrize("name", OMITTED)
def test_an_operation_is_omitted_by_both_clients_or_accepts_no_keys(name: str) -> None:
    assert OPERATIONS[name] in test_whole_api.OMITTED or {"bearer": []} not in _described(name)["security"]


def test_a_new_operation_must_be_named_before_the_module_is_generated() -> None:
    operation = {**DOCUMENT["paths"]["/health/live"]["get"], "operationId": "get_weather"}
    document = {**DOCUMENT, "paths": {**DOCUMENT["paths"], "/weather": {"get": operation}}}
    with pytest.raises(ValueError, match="Add get_weather to METHODS"):
        module_of(document)


def test_a_removed_operation_must_be_removed_from_the_names() -> None:
    paths = {path: item for path, item in DOCUMENT["paths"].items() if path != "/health/live"}
    with pytest.raises(ValueError, match="The document has no get_liveness"):
        module_of({**DOCUMENT, "paths": paths})


def test_every_schema_of_the_document_has_a_type() -> None:
    text = (PACKAGE / "src/generated.ts").read_text("utf-8")
    assert set(DOCUMENT["components"]["schemas"]) <= set(re.findall(r"^export interface (\w+) \{$", text, re.MULTILINE))


def test_methods_have_the_names_of_the_python_client() -> None:
    python = {
        f"{group}{name}": operation
        for owner, group in [(Keyledger, ""), *((kind, f"{kind.__name__.lower()}.") for kind in _groups())]
        for name, operation in _operations(owner).items()
    }
    ours = {re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found[1].lower()}", METHODS[name]): name for name in METHODS}
    ours["verify"] = ours.pop("verify_key")  # a method that the client has in addition to the generated ones
    assert ours == python


def test_the_readme_lists_all_methods() -> None:
    rows = re.findall(r"^\| `client(?:\.(\w+))?` \| `([\w ]+)` \|$", README, re.MULTILINE)
    listed = {f"{group}.{name}" if group else name for group, names in rows for name in names.split()}
    iterations = {METHODS[name].replace(".list", ".iterate") for name in METHODS if _is_paged(name)}
    assert listed == set(METHODS.values()) - {"verifyKey"} | {"verify"} | iterations


def test_every_method_sends_the_request_of_its_operation(evaluate: Evaluate) -> None:
    code = """
        const sent = {};
        for (const [operation, name] of Object.entries(given.methods)) {
          const fetched = async (url, request) => {
            const { pathname } = new URL(url);
            sent[operation] = [request.method, pathname, request.headers["Idempotency-Key"] !== undefined];
            return new Response("", { status: 599 });
          };
          const client = new keyledger.Keyledger("http://service", "x", { fetch: fetched });
          const [method, group] = name.split(".").reverse();
          const owner = group === undefined ? client : client[group];
          const parameters = given.parameters[operation].map(() => "something");
          const called = owner[method](...parameters, ...(given.bodies[operation] ? [{}] : []));
          await (called.next?.() ?? called).catch(() => undefined);
        }
        return sent;
    """
    parameters = {name: re.findall(r"\{(\w+)\}", OPERATIONS[name][1]) for name in METHODS}
    bodies = {name: "requestBody" in _described(name) for name in METHODS}
    sent = evaluate(code, methods=METHODS, parameters=parameters, bodies=bodies)
    for name in METHODS:
        method, path = OPERATIONS[name]
        assert sent[name][:2] == [method, re.sub(r"\{\w+\}", "something", path)], name
        assert sent[name][2] is (_accepts_idempotency_key(name) and name not in NO_CHANGES), name


def test_an_id_cannot_change_the_path_of_a_request(evaluate: Evaluate) -> None:
    code = """
        const paths = [];
        const fetched = async (url) => (paths.push(new URL(url).pathname), new Response("", { status: 599 }));
        const { keys } = new keyledger.Keyledger("http://service", "x", { fetch: fetched });
        for (const id of given.ids) await keys.get(id).catch(() => undefined);
        return paths;
    """
    with pytest.raises(CallFailed, match="Pass the id"):
        evaluate('return client.keys.get("..");')
    assert evaluate(code, ids=["a/b", "../mcps", "a?b#c", "ä"]) == [
        "/v1/api-keys/a%2Fb",
        "/v1/api-keys/..%2Fmcps",
        "/v1/api-keys/a%3Fb%23c",
        "/v1/api-keys/%C3%A4",
    ]


def _groups() -> list[type]:
    return [
        kind
        for name, kind in inspect.getmembers(resources, inspect.isclass)
        if kind.__module__ == resources.__name__ and not name.startswith("Async")
    ]


def _operations(owner: type) -> dict[str, str]:
    """Return the operation of each method of a class of the Python client."""
    functions = {function.__doc__: function.__name__ for function in test_whole_api.CALLS}
    return {name: functions[value.__doc__] for name, value in vars(owner).items() if isinstance(value, Sent | Streamed)}


def _described(name: str) -> Any:  # noqa: ANN401 -- JSON
    method, path = OPERATIONS[name]
    return DOCUMENT["paths"][path][method.lower()]


def _is_paged(name: str) -> bool:
    content = next(iter(_described(name)["responses"].values()))["content"]
    return "pagination" in content.get("application/json", {}).get("schema", {}).get("properties", {})


def _accepts_idempotency_key(name: str) -> bool:
    return {"$ref": "#/components/parameters/IdempotencyKey"} in _described(name).get("parameters", [])
