"""A key that calls tools of one MCP."""

from typing import Any

from tests.app.client import Response
from tests.app.organizations import Organization


class Calls:
    """An MCP with the fields `mcp` and a key with the fields `key`. By default, the key has access to the MCP."""

    def __init__(
        self, org: Organization, url: str, mcp: dict[str, object] | None = None, key: dict[str, object] | None = None
    ) -> None:
        self.org = org
        self.mcp_id = org.mcp(endpoint_url=url, **(mcp or {}))
        self.key = org.key(**{"permissions": {"mcps": [self.mcp_id]}, **(key or {})})

    def list_tools(self) -> "Calls":
        """Have the service list the tools of the server and store them."""
        assert self.org.client.post(f"/v1/mcps/{self.mcp_id}/test").data["reachable"] is True
        return self

    def invoke(self, tool: str, arguments: dict[str, object] | None = None, **fields: object) -> Response:
        body = {"mcp_id": self.mcp_id, "tool": tool, "arguments": arguments or {}, **fields}
        return self.key.client.post("/v1/mcp/invoke", body)

    def add(self, number: int) -> float:
        """Return the number plus one, as added by the server."""
        result: float = self.invoke("add", {"numbers": [number, 1]}).data["result"]["structuredContent"]["result"]
        return result

    def uses(self, **params: object) -> list[Any]:
        """Return the uses in the activity of the key, newest first."""
        found: list[Any] = self.org.activity(self.key, type="api_key.used", **params)
        return found
