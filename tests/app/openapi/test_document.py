"""The OpenAPI document is complete, and its examples conform to their schemas."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from app.http.error_catalogue import ERRORS
from app.openapi.introduction import API_VERSION
from tests.app.openapi.conformance import DOCUMENT, resolved, validator_of
from tests.app.organizations import Api
from tests.app.serving import ROOT

SNAPSHOT = ROOT / "docs/openapi.json"

Object = dict[str, Any]


def operations() -> Iterator[tuple[str, Object]]:
    for item in DOCUMENT["paths"].values():
        for method, operation in item.items():
            if method != "parameters":
                yield operation["operationId"], operation


ALL = dict(operations())


def test_the_served_document_equals_the_file_in_docs(api: Api) -> None:
    """Update the file with: python -m app openapi > docs/openapi.json"""
    served = api.client().get("/schema/openapi.json")
    assert served.status == 200
    assert served.headers["content-type"] == "application/json"
    assert served.content == SNAPSHOT.read_bytes(), test_the_served_document_equals_the_file_in_docs.__doc__


def test_the_command_prints_the_served_document() -> None:
    printed = subprocess.run([sys.executable, "-m", "app", "openapi"], cwd=ROOT, capture_output=True, check=True)
    assert printed.stdout == SNAPSHOT.read_bytes()


def test_the_version_matches_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == API_VERSION


def test_every_example_of_a_response_conforms_to_its_schema(subtests: pytest.Subtests) -> None:
    for name, operation in sorted(ALL.items()):
        with subtests.test(name):
            for status, response in operation["responses"].items():
                for content_type, content in resolved(response)["content"].items():
                    if not content_type.endswith("json"):
                        continue
                    shown = [content["example"]] if "example" in content else content["examples"].values()
                    assert shown, (name, status)
                    for example in shown:
                        value = resolved(example)["value"] if "$ref" in example else example
                        assert [e.message for e in validator_of(content["schema"]).iter_errors(value)] == [], (
                            name,
                            status,
                        )


def test_every_example_of_a_request_body_conforms_to_its_schema(subtests: pytest.Subtests) -> None:
    for name, operation in sorted(ALL.items()):
        with subtests.test(name):
            content = operation.get("requestBody", {}).get("content", {})
            for described in content.values():
                assert [e.message for e in validator_of(described["schema"]).iter_errors(described["example"])] == []


def test_every_parameter_and_body_field_has_a_description(subtests: pytest.Subtests) -> None:
    for name, operation in sorted(ALL.items()):
        with subtests.test(name):
            for parameter in operation.get("parameters", []):
                assert resolved(parameter)["description"]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                body = resolved(content["schema"])
                for field, schema in resolved(body.get("items", body))["properties"].items():
                    assert schema.get("description"), f"{name}: {field}"


def test_every_error_code_is_described_for_some_operation() -> None:
    """The exception is 405, which is returned for a method that is not an operation of the path."""
    assert set(ERRORS) - set(DOCUMENT["components"]["examples"]) == {"method_not_allowed"}


def test_every_component_is_used() -> None:
    text = SNAPSHOT.read_text(encoding="utf-8")
    used = set(re.findall(r'"#/components/(\w+)/([\w-]+)"', text))
    defined = {
        (kind, name)
        for kind, components in DOCUMENT["components"].items()
        if kind != "securitySchemes"
        for name in components
    }
    assert defined == used
