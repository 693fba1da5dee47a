"""OpenAPI operations on MCP servers, and on calls to them."""

from app.api.mcp.invoke import invoke_tool
from app.api.mcp.resources import read_resource
from app.api.mcp.servers import list_servers
from app.api.mcps.create import create_mcp
from app.api.mcps.delete import delete_mcp
from app.api.mcps.get import get_mcp
from app.api.mcps.list import list_mcps
from app.api.mcps.test import test_mcp
from app.api.mcps.update import update_mcp
from app.openapi.operation import Operation, declared

OPERATIONS: list[Operation] = [
    declared(create_mcp),
    declared(list_mcps),
    declared(get_mcp),
    declared(update_mcp),
    declared(delete_mcp),
    declared(test_mcp),
    declared(invoke_tool),
    declared(read_resource),
    declared(list_servers),
]
