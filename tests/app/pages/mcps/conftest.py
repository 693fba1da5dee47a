from tests.app.api.mcp.conftest import start_upstream, upstream

__all__ = ["start_upstream", "upstream"]
