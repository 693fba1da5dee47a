"""Live or test: keys and MCPs belong to one of the two."""

from typing import Literal

Environment = Literal["live", "test"]
