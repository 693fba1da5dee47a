"""The method of an operation, in TypeScript."""

import json
import re

from clients.typescript.generator.comments import LINE_LENGTH_MAX, comment
from clients.typescript.generator.names import METHODS, PROTECTED, RECOVERIES, TIMEOUT_SECONDS
from clients.typescript.generator.operation import Operation, camel

_INDENT = "  "


def method_of(operation: Operation) -> str:
    """Return the method that sends the operation; for a list, with the one that reads all of its pages."""
    name = METHODS[operation.id].rpartition(".")[2]
    about = _documentation(operation)
    arguments = _arguments(operation)
    access = "protected " if operation.id in PROTECTED else ""
    if operation.is_file:
        prefix, returned, sent = access, "AsyncGenerator<Uint8Array, void, undefined>", "stream"
    else:
        prefix, returned, sent = f"{access}async ", f"Promise<{operation.result_type}>", "send"
    return (
        f"{comment(about, _INDENT)}"
        f"{_signature(f'{prefix}{name}', arguments, returned)}"
        f"    return this.#sender.{sent}({_call(operation)});\n"
        "  }\n"
        f"{_iteration(operation, name) if operation.is_list else ''}"
    )


def _documentation(operation: Operation) -> str:
    described = operation.described
    return f"{described['summary']}.\n\n{described['description']}\n\n`{operation.method} {operation.path}`"


def _signature(name: str, arguments: list[str], returned: str) -> str:
    line = f"  {name}({', '.join(arguments)}): {returned} {{\n"
    if len(line) <= LINE_LENGTH_MAX:
        return line
    return f"  {name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + f"  ): {returned} {{\n"


def _arguments(operation: Operation) -> list[str]:
    parts = [f"{_variable(name)}: string" for name in operation.path_parameters]
    if operation.body is not None:
        parts.append(f"body: {operation.body}" if operation.is_body_required else f"body?: {operation.body}")
    if operation.query:
        parts.append(f"query?: {operation.query_name}")
    return [*parts, f"options?: {_options(operation)}"]


def _options(operation: Operation) -> str:
    if operation.has_if_match:
        return "ChangeOptions"
    return "IdempotentOptions" if operation.is_idempotent else "CallOptions"


def _call(operation: Operation) -> str:
    fields = [
        f'method: "{operation.method}"',
        f"path: {_path(operation)}",
        f'repeat: "{operation.repeat}"',
    ]
    if not operation.is_file:
        fields.append(f'content: "{operation.content}"')
    fields += [name for name, given in (("body", operation.body), ("query", operation.query)) if given]
    fields.append("options")
    if operation.secrets:
        fields.append(f"secrets: {json.dumps(operation.secrets)}")
    if operation.id in RECOVERIES:
        fields.append(f"recovery: recovery.{RECOVERIES[operation.id]}")
    if operation.answers:
        fields.append(f"answers: {operation.answers}")
    if operation.id in TIMEOUT_SECONDS:
        fields.append(f"timeoutSeconds: {TIMEOUT_SECONDS[operation.id]}")
    elif operation.timeout_milliseconds is not None:
        given = "body.timeout" if operation.is_body_required else "body?.timeout"
        fields.append(f"timeoutSeconds: ({given} ?? {operation.timeout_milliseconds}) / 1000 + MARGIN_SECONDS")
    return "{\n" + "".join(f"      {field},\n" for field in fields) + "    }"


def _path(operation: Operation) -> str:
    if not operation.path_parameters:
        return f'"{operation.path}"'
    return "pathOf`" + re.sub(r"\{(\w+)\}", lambda found: f"${{{_variable(found[1])}}}", operation.path) + "`"


def _iteration(operation: Operation, name: str) -> str:
    """Return the method that follows a list through all of its pages."""
    iterate = f"iterate{name.removeprefix('list')}"
    identified = "".join(f"{_variable(parameter)}, " for parameter in operation.path_parameters)
    returned = f"AsyncGenerator<{operation.item_type}, void, undefined>"
    about = f"Read all pages of `{name}`, each when it is needed."
    return (
        f"\n{comment(about, _INDENT)}"
        f"{_signature(iterate, _arguments(operation), returned)}"
        f"    return itemsOf((page) => this.{name}({identified}page, options), query);\n"
        "  }\n"
    )


def _variable(parameter: str) -> str:
    name = camel(parameter)
    return name[0].lower() + name[1:]
