"""What the settings say of uses that are old: apart from what is done about them, which needs the whole log."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Retention:
    """`usage_days`: for how long uses are kept, None: for ever. `folder`: where they are written to before they leave.

    `discard`: they leave without being written anywhere. With neither, none leaves.
    """

    usage_days: int | None
    folder: Path | None = None
    discard: bool = False

    @property
    def why_nothing_leaves(self) -> str | None:
        """None: days that are old enough leave."""
        if self.usage_days is None:
            return "a plan keeps its uses for ever: set usage_days of every plan in KEYLEDGER_PLANS"
        if self.folder is None and not self.discard:
            return "KEYLEDGER_USAGE_EXPORT is not set: name a folder for what leaves, or say discard"
        return None
