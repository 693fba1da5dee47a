"""Snippets that use a key. Each is parsed or run as what it claims to be."""

import ast
import json
import re
import shlex

import pytest

from app.pages.parts.snippets import VARIABLE, Block, Reached, Snippet, Target, first_target, snippets

URL = "https://keys.example"
MCP_URL = "https://gateway.example/acme/mcp"
SECRET = "".join(["pk_", "live_", "x" * 40])
TARGET = Target("mcp_01", "Wiki", 'it\'s "odd"', {"title": "it's", "is_draft": True, "parent": None})
CALL = {"mcp_id": TARGET.mcp_id, "tool": TARGET.tool, "arguments": TARGET.arguments}
MCP_CLIENTS = {"claude-code", "claude-desktop", "cursor", "vs-code"}


def by_id(mcp_url: str | None = MCP_URL, target: Target | None = TARGET) -> dict[str, Snippet]:
    return {snippet.id: snippet for snippet in snippets(URL, mcp_url, SECRET, target)}


def json_of(snippet: Snippet) -> list[dict[str, object]]:
    return [json.loads(block.text) for block in snippet.blocks if block.text.startswith("{")]


def test_every_json_snippet_is_json_with_the_url() -> None:
    found = {name: json_of(snippet) for name, snippet in by_id().items() if name in MCP_CLIENTS}
    assert {name: len(documents) for name, documents in found.items()} == dict.fromkeys(MCP_CLIENTS, 1)
    assert all(MCP_URL in json.dumps(document) for documents in found.values() for document in documents)


def test_configurations_have_the_structure_that_each_client_reads() -> None:
    found = by_id()
    (claude,) = json_of(found["claude-code"])
    bearer = {"Authorization": f"Bearer ${{{VARIABLE}}}"}
    assert claude == {"mcpServers": {"keyledger": {"type": "http", "url": MCP_URL, "headers": bearer}}}
    (cursor,) = json_of(found["cursor"])
    bearer = {"Authorization": f"Bearer ${{env:{VARIABLE}}}"}
    assert cursor == {"mcpServers": {"keyledger": {"url": MCP_URL, "headers": bearer}}}
    (code,) = json_of(found["vs-code"])
    assert set(code) == {"inputs", "servers"}
    (desktop,) = json_of(found["claude-desktop"])
    assert desktop == {
        "mcpServers": {
            "keyledger": {
                "command": "npx",
                "args": ["-y", "mcp-remote", MCP_URL, "--header", "Authorization:${AUTH}"],
                "env": {"AUTH": f"Bearer {SECRET}"},
            }
        }
    }


def test_only_what_stays_private_contains_the_secret() -> None:
    with_secret = {name for name, snippet in by_id().items() if SECRET in "".join(b.text for b in snippet.blocks)}
    assert with_secret == {"shell", "env", "claude-desktop"}


@pytest.mark.parametrize("snippet", snippets(URL, MCP_URL, SECRET, TARGET), ids=lambda snippet: snippet.id)
def test_a_block_says_whether_it_contains_the_secret(snippet: Snippet) -> None:
    assert all(block.has_secret is (SECRET in block.text) for block in snippet.blocks)


def test_without_a_url_there_is_no_configuration_of_an_mcp_client() -> None:
    assert by_id(mcp_url=None).keys() == {"shell", "env", "javascript", "python"}


def test_the_shell_command_calls_the_tool() -> None:
    words = shlex.split(by_id()["shell"].blocks[0].text.replace("\\\n", ""))
    assert words[:2] == ["export", f"{VARIABLE}={SECRET}"]
    assert words[2:6] == ["curl", "-X", "POST", f"{URL}/v1/mcp/invoke"]
    assert f"Authorization: Bearer ${VARIABLE}" in words
    assert json.loads(words[-1]) == CALL


def test_the_python_snippet_is_python_and_calls_the_tool() -> None:
    (block,) = by_id(target=None)["python"].blocks
    ast.parse(block.text)
    (block,) = by_id()["python"].blocks
    sent = [
        each.value for each in ast.walk(ast.parse(block.text)) if isinstance(each, ast.keyword) and each.arg == "json"
    ]
    assert [ast.literal_eval(value) for value in sent] == [CALL]


def test_the_javascript_snippet_calls_the_tool() -> None:
    (block,) = by_id()["javascript"].blocks
    (sent,) = re.findall(r"body: JSON\.stringify\((.*)\),\n", block.text)
    assert json.loads(sent) == CALL


def test_a_program_says_what_it_calls_and_that_the_arguments_are_an_example() -> None:
    for name in ("shell", "javascript", "python"):
        assert by_id()[name].note == 'Calls it\'s "odd" on Wiki. The arguments are an example.'
        assert by_id(target=Target("mcp_01", "Wiki", "list"))[name].note == "Calls list on Wiki."
        assert by_id(target=None)[name].note == "Lists the MCP servers and tools that this key can call."


def test_a_masked_secret_is_to_be_replaced_by_the_stored_one() -> None:
    masked = f"{SECRET[:12]}…"
    told = f"Replace {masked} with the key that you stored."
    found = snippets(URL, MCP_URL, masked, TARGET, is_masked=True)
    assert {snippet.id for snippet in found if snippet.note.endswith(told)} == {"shell", "env", "claude-desktop"}
    assert not [snippet for snippet in by_id().values() if "Replace" in snippet.note]


def test_without_a_known_tool_the_snippets_list_the_servers_of_the_key() -> None:
    for name in ("shell", "javascript", "python"):
        (block,) = by_id(target=None)[name].blocks
        assert f"{URL}/v1/mcp/servers" in block.text
        assert "invoke" not in block.text


def test_the_first_target_prefers_a_tool_that_reads() -> None:
    empty = Reached("a", "Empty", [])
    wiki = Reached("b", "Wiki", ["delete_page", "get_page"])
    assert first_target([empty, wiki]) == Target("b", "Wiki", "get_page")
    assert first_target([Reached("b", "Wiki", ["add"])]) == Target("b", "Wiki", "add")
    assert first_target([empty]) is None


def test_a_dotenv_file_has_one_line() -> None:
    assert by_id()["env"].blocks == (Block(f"{VARIABLE}={SECRET}", has_secret=True),)
