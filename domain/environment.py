"""Live or test: every key and every MCP belongs to one of the two environments."""

from typing import Literal

Environment = Literal["live", "test"]
