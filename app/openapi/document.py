"""Generator of the OpenAPI 3.1 document from the routes."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from app.http.error_catalogue import ERRORS
from app.http.pagination import Pagination
from app.http.problem_details import ProblemDetails
from app.openapi.errors import codes_of, component_of, examples, response
from app.openapi.headers import LIMITS, REQUEST_HEADERS, RESPONSE_HEADERS, reference
from app.openapi.introduction import INFO, PATH_PARAMETERS, SECURITY_SCHEMES, SERVERS, TAGS
from app.openapi.schemas import Schemas, properties_of
from app.route import Route

Object = dict[str, Any]


def document(routes: Sequence[Route]) -> Object:
    """Return the whole document, without tags that no route has."""
    schemas = Schemas()
    schemas.of(ProblemDetails)
    schemas.of(Pagination)
    failures: Object = {}
    paths: dict[str, Object] = {}
    for route in routes:
        item = paths.setdefault(route.path, _path_item(route))
        item[route.method.lower()] = _operation(route, schemas, failures)
    used = {route.tag for route in routes}
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
            "examples": examples({code for route in routes for code in codes_of(route)}),
            "responses": dict(sorted(failures.items())),
            "schemas": dict(sorted(schemas.components.items())),
        },
    }


def written(described: Object) -> bytes:
    """Return the document as it is served and stored, indented so that its changes can be reviewed."""
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"


def _path_item(route: Route) -> Object:
    parameters = [
        {"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]} for name in route.path_parameters
    ]
    return {"parameters": parameters} if parameters else {}


def _operation(route: Route, schemas: Schemas, failures: Object) -> Object:
    described: Object = {
        "operationId": route.id,
        "tags": [route.tag],
        "summary": route.summary,
        "description": f"{route.description} {_access_text(route)}".strip(),
        "security": _security(route),
    }
    parameters = _parameters(route)
    if parameters:
        described["parameters"] = parameters
    if route.body is not None:
        described["requestBody"] = _request_body(route, route.body, schemas)
    if route.body_items is not None:
        array = {"type": "array", "items": schemas.of(route.body_items)}
        described["requestBody"] = {"required": True, "content": _json_content(array, route)}
    described["responses"] = _responses(route, schemas, failures)
    return described


def _access_text(route: Route) -> str:
    match route.access:
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


def _security(route: Route) -> list[Object]:
    session: Object = {"session": []} if route.method == "GET" else {"session": [], "csrf": []}
    match route.access:
        case "anyone":
            return []
        case "any key":
            return [{"bearer": []}, {"api_key": []}]
        case "people" | "owner":
            return [session]
        case _:
            return [{"bearer": []}, {"api_key": []}, session]


def _parameters(route: Route) -> list[Object]:
    parameters: list[Object] = []
    if route.query is not None:
        properties, required = properties_of(route.query)
        for name, schema in properties.items():
            about = schema.pop("description")
            parameters.append(
                {"name": name, "in": "query", "description": about, "required": name in required, "schema": schema}
            )
    if route.idempotent:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if route.if_match:
        parameters.append({"$ref": "#/components/parameters/IfMatch"})
    return parameters


def _request_body(route: Route, body: type[msgspec.Struct], schemas: Schemas) -> Object:
    schema = schemas.of_body(body, f"{_camel(route.id)}Body", route.body_schema)
    required = any(field.required for field in msgspec.structs.fields(body))
    return {"required": required, "content": _json_content(schema, route)}


def _json_content(schema: Object, route: Route) -> Object:
    return {"application/json": {"schema": schema, "example": route.body_example}}


def _responses(route: Route, schemas: Schemas, failures: Object) -> Object:
    content = _json(route, route.response, route.example, schemas) if route.response else {"schema": {"type": "string"}}
    responses: Object = {str(route.status): _response(route, f"{route.summary}.", content)}
    for status, other in route.alternatives.items():
        content = _json(route, type(other.example), other.example, schemas)
        responses[str(status)] = _response(route, other.description, content)
    for status, group in groupby(sorted(codes_of(route), key=_status), key=_status):
        codes = list(group)
        if status in route.alternatives:
            continue
        failures[component_of(codes)] = response(codes)
        responses[str(status)] = {"$ref": f"#/components/responses/{component_of(codes)}"}
    return responses


def _status(code: str) -> int:
    return ERRORS[code].status


def _response(route: Route, description: str, content: Object) -> Object:
    names = ["X-Request-Id"]
    names += ["ETag", "X-Revision"] if route.has_revision else []
    names += ["Idempotency-Replayed"] if route.idempotent else []
    names += ["Link"] if route.paging else []
    names += LIMITS if route.access not in {"anyone", "people", "owner"} else []
    own = {name: {"description": about, "schema": {"type": "string"}} for name, about in route.headers.items()}
    texts = {media_type: {"schema": {"type": "string"}} for media_type in route.other_media_types}
    return {
        "description": description,
        "headers": {**reference(*names), **own},
        "content": {route.media_type: content, **texts},
    }


def _json(route: Route, kind: Any, value: object, schemas: Schemas) -> Object:  # noqa: ANN401 -- any type
    """Return the schema and the example of a JSON response with `value` as its data."""
    schema, example = schemas.of(kind), msgspec.json.decode(msgspec.json.encode(value))
    if not route.is_enveloped:
        return {"schema": schema, "example": example}
    if route.paging is None:
        return {"schema": _envelope(data=schema), "example": {"success": True, "data": example}}
    numbers = {"page": 1, "per_page": 20, "total": 1, "total_pages": 1, "next_cursor": None}
    if route.paging == "cursor":
        numbers |= dict.fromkeys(("page", "total", "total_pages"))
    pagination = {"$ref": "#/components/schemas/Pagination"}
    return {
        "schema": _envelope(data={"type": "array", "items": schema}, pagination=pagination),
        "example": {"success": True, "data": [example], "pagination": numbers},
    }


def _envelope(**members: Object) -> Object:
    properties = {"success": {"type": "boolean"}, **members}
    return {"type": "object", "required": list(properties), "properties": properties}


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
