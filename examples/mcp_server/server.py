"""The tools and the resource of the example server."""

import asyncio
from typing import Annotated

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

SECONDS_MAX = 60.0

ABOUT = """\
This is the example MCP server of Keyledger. Its tools:

add         the sum of some numbers
word_count  how many words, characters and lines a text has
wait        answers after some seconds, to see a timeout
fail        always fails, with the message that you give it
"""


class TextCount(BaseModel):
    words: int
    characters: int
    lines: int


def build() -> MCPServer:
    server = MCPServer("keyledger-example", version="1.0.0", log_level="WARNING")

    @server.tool()
    def add(numbers: list[float]) -> float:
        """Add numbers and return their sum."""
        return sum(numbers)

    @server.tool()
    def word_count(text: str) -> TextCount:
        """Count the words, characters and lines of a text."""
        return TextCount(words=len(text.split()), characters=len(text), lines=len(text.splitlines()))

    @server.tool()
    async def wait(seconds: Annotated[float, Field(ge=0, le=SECONDS_MAX)]) -> str:
        """Wait for some seconds, at most 60, then answer."""
        await asyncio.sleep(seconds)
        return f"waited {seconds:g} s"

    @server.tool()
    def fail(message: str) -> str:
        """Fail with this message."""
        raise ToolError(message)

    @server.resource("example://about", name="about", mime_type="text/plain")
    def about() -> str:
        """Return what this server is and which tools it has."""
        return ABOUT

    return server
