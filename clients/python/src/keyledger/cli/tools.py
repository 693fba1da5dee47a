"""`keyledger tools …`: what a key itself can do on MCP servers."""

import argparse
import sys
from typing import Any

import msgspec

from keyledger.cli import exit_codes
from keyledger.cli.exit_codes import UsageError
from keyledger.cli.grammar import Commands, Parser, add_id, count
from keyledger.cli.output import print_json
from keyledger.cli.settings import client_of
from keyledger.cli.standard_input import standard_input
from keyledger.cli.tables import printable
from keyledger.endpoints.tools import TIMEOUT_MS


class _Text(msgspec.Struct):
    """A content of the Model Context Protocol that has a text."""

    text: str


def add_commands(groups: Commands) -> None:
    commands = groups.group("tools", "call tools and read resources of MCP servers, with the key itself")
    called = commands.add(
        "call",
        call,
        "call a tool and print its result; exit code 1 if the tool reports a failure",
        "keyledger tools call mcp_… add --arguments '{\"numbers\": [1, 2]}' --key-file agent.key",
    )
    _add_mcp(called)
    called.add_argument("tool", metavar="TOOL", help="the name of the tool")
    called.add_argument(
        "--arguments", metavar="JSON", default="{}", help="an object; - to read it from standard input; by default {}"
    )
    called.add_argument(
        "--timeout",
        type=count,
        default=TIMEOUT_MS,
        metavar="MS",
        help=f"100 to 120,000 milliseconds for the server; by default {TIMEOUT_MS:,}",
    )
    read = commands.add(
        "read", read_resource, "read a resource", "keyledger tools read mcp_… example://about --key-file agent.key"
    )
    _add_mcp(read)
    read.add_argument("uri", metavar="URI", help="the address of the resource")


def call(arguments: argparse.Namespace) -> int:
    given = _arguments(arguments.arguments)
    with client_of(arguments) as client:
        done = client.invoke(arguments.mcp_id, arguments.tool, given, timeout_ms=arguments.timeout)
    if arguments.json:
        print_json(done)
    else:
        _print_contents(done.result.get("content"), done.result)
    return exit_codes.CHECK_FAILED if done.is_error else exit_codes.OK


def read_resource(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        resource = client.read_resource(arguments.mcp_id, arguments.uri)
    if arguments.json:
        print_json(resource)
    else:
        _print_contents(resource.contents, resource)
    return exit_codes.OK


def _add_mcp(command: Parser) -> None:
    add_id(command, "mcp", "MCP", "mcp_id")


def _arguments(given: str) -> dict[str, Any]:
    try:
        # Each value is sent as it was written.
        content = standard_input() if given == "-" else given.encode()
        return dict(msgspec.json.decode(content, type=dict[str, msgspec.Raw]))
    except msgspec.ValidationError:
        raise UsageError('The arguments must be a JSON object, such as {"a": 1}.') from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UsageError(f"The arguments are not JSON: {error}") from None


def _print_contents(contents: Any, whole: object) -> None:  # noqa: ANN401 -- as the MCP server sent them
    """Print texts, and other contents as JSON. Without contents, print the `whole` result.

    On a terminal, texts are printed without characters that control it: the MCP server chooses them.
    """
    listed: Any = contents
    if not isinstance(contents, list | tuple) or not contents:
        print_json(whole)
        return
    for content in listed:
        try:
            text = msgspec.convert(content, _Text).text
            print(printable(text, lines=True) if sys.stdout.isatty() else text)
        except msgspec.ValidationError:
            print_json(content)
