from tests.app.api.mcp.conftest import upstream

__all__ = ["upstream"]
