"""Generator of the OpenAPI 3.1 document from the operations."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from app.http.error_catalogue import ERRORS
from app.http.pagination import Pagination
from app.http.problem_details import ProblemDetails
from app.openapi.errors import codes_of, component_of, examples, response
from app.openapi.fields import QUERY
from app.openapi.headers import LIMITS, REQUEST_HEADERS, RESPONSE_HEADERS, reference
from app.openapi.introduction import INFO, PATH_PARAMETERS, SECURITY_SCHEMES, SERVERS, TAGS
from app.openapi.operation import Answer, Operation
from app.openapi.schemas import Schemas, properties_of

Object = dict[str, Any]


def document(operations: Sequence[Operation]) -> Object:
    """Return the whole document, without tags that no operation has."""
    schemas = Schemas()
    schemas.of(ProblemDetails)
    schemas.of(Pagination)
    failures: Object = {}
    paths: dict[str, Object] = {}
    for operation in operations:
        item = paths.setdefault(operation.path, _path_item(operation))
        item[operation.method.lower()] = _operation(operation, schemas, failures)
    used = {operation.tag for operation in operations}
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": SERVERS,
        "tags": [tag for tag in TAGS if tag["name"] in used],
        "paths": paths,
        "components": {
            "securitySchemes": SECURITY_SCHEMES,
            "parameters": REQUEST_HEADERS,
            "headers": RESPONSE_HEADERS,
            "examples": examples({code for operation in operations for code in codes_of(operation)}),
            "responses": dict(sorted(failures.items())),
            "schemas": dict(sorted(schemas.components.items())),
        },
    }


def written(described: Object) -> bytes:
    """Return the document as it is served and stored, indented so that its changes can be reviewed."""
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"


def _path_item(operation: Operation) -> Object:
    names = operation.parameters_in_path
    parameters = [{"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]} for name in names]
    return {"parameters": parameters} if parameters else {}


def _operation(operation: Operation, schemas: Schemas, failures: Object) -> Object:
    described: Object = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"{operation.description} {_access_text(operation)}".strip(),
        "security": _security(operation),
    }
    parameters = _parameters(operation)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = _request_body(operation, schemas)
    described["responses"] = _responses(operation, schemas, failures)
    return described


def _access_text(operation: Operation) -> str:
    match operation.access:
        case "anyone":
            return "No credential is required."
        case "any key":
            return "The request is authorized by the key that it contains."
        case "people":
            return "Requires a signed-in user; API keys are not accepted."
        case "owner":
            return "Requires the signed-in owner of the organization; API keys are not accepted."
        case grant:
            return f"Requires the grant `{grant}`."


def _security(operation: Operation) -> list[Object]:
    session: Object = {"session": []} if operation.method == "GET" else {"session": [], "csrf": []}
    match operation.access:
        case "anyone":
            return []
        case "any key":
            return [{"bearer": []}, {"api_key": []}]
        case "people" | "owner":
            return [session]
        case _:
            return [{"bearer": []}, {"api_key": []}, session]


def _parameters(operation: Operation) -> list[Object]:
    parameters: list[Object] = []
    if operation.query is not None:
        properties, required = properties_of(operation.query, operation.query_fields)
        for name, schema in properties.items():
            about = schema.pop("description", None) or QUERY[name]["description"]
            parameters.append(
                {"name": name, "in": "query", "description": about, "required": name in required, "schema": schema}
            )
    if operation.repeatable:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if operation.conditional:
        parameters.append({"$ref": "#/components/parameters/IfMatch"})
    return parameters


def _request_body(operation: Operation, schemas: Schemas) -> Object:
    body = operation.body
    if body is None:
        raise LookupError(operation.id)
    schema = schemas.of_body(body, f"{_camel(operation.id)}Body")
    required = any(field.required for field in msgspec.structs.fields(body.kind))
    return {"required": required, "content": {"application/json": {"schema": schema, "example": dict(body.example)}}}


def _responses(operation: Operation, schemas: Schemas, failures: Object) -> Object:
    main = _answer(operation, operation.answer, schemas)
    responses: Object = {str(operation.status): {"description": f"{operation.summary}.", **main}}
    for status, (about, other) in operation.also.items():
        responses[str(status)] = {"description": about, **_answer(operation, other, schemas)}
    for status, group in groupby(sorted(codes_of(operation), key=_status), key=_status):
        codes = list(group)
        if status in operation.also:
            continue
        failures[component_of(codes)] = response(codes)
        responses[str(status)] = {"$ref": f"#/components/responses/{component_of(codes)}"}
    return responses


def _status(code: str) -> int:
    return ERRORS[code].status


def _answer(operation: Operation, answer: Answer, schemas: Schemas) -> Object:
    names = ["X-Request-Id"]
    names += ["ETag", "X-Revision"] if operation.revised else []
    names += ["Idempotency-Replayed"] if operation.repeatable else []
    names += ["Link"] if answer.paging else []
    names += LIMITS if operation.access not in {"anyone", "people", "owner"} else []
    own = {name: {"description": about, "schema": {"type": "string"}} for name, about in answer.headers.items()}
    content = {answer.content_type: _content(answer, schemas)}
    content |= {content_type: {"schema": {"type": "string"}} for content_type in answer.texts}
    return {"headers": {**reference(*names), **own}, "content": content}


def _content(answer: Answer, schemas: Schemas) -> Object:
    if answer.data is None:
        return {"schema": {"type": "string"}}
    if answer.whole:
        return {"schema": schemas.of(answer.data), "example": answer.example}
    return {"schema": _envelope(answer, schemas), "example": _example(answer)}


def _envelope(answer: Answer, schemas: Schemas) -> Object:
    data = schemas.of(answer.data)
    properties: Object = {"success": {"type": "boolean"}, "data": data}
    if answer.paging is not None:
        properties["data"] = {"type": "array", "items": data}
        properties["pagination"] = {"$ref": "#/components/schemas/Pagination"}
    return {"type": "object", "required": list(properties), "properties": properties}


def _example(answer: Answer) -> Object:
    if answer.paging is None:
        return {"success": True, "data": answer.example}
    numbers = {"page": 1, "per_page": 20, "total": 1, "total_pages": 1, "next_cursor": None}
    if answer.paging == "cursor":
        numbers |= dict.fromkeys(("page", "total", "total_pages"))
    return {"success": True, "data": [answer.example], "pagination": numbers}


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
