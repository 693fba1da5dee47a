"""Filters of uses, shared by the activity of a key and that of an organization."""

from typing import Any, Literal

from msgspec import Struct, structs

from domain.usage.events import Action

Status = Literal["success", "denied", "error", "started"]


class UseFilters(Struct, frozen=True):
    """A filter of entries by the fields that responses show. None: any.

    `status` started: a call without a recorded end. `reason`: why a use was denied, why a call failed, or why a key was
    revoked. `secret_version` is a version of the presented key's secret.
    """

    status: Status | None = None
    action: Action | None = None
    reason: str | None = None
    mcp_id: str | None = None
    tool: str | None = None
    ip: str | None = None
    secret_version: int | None = None

    @property
    def is_empty(self) -> bool:
        return self == _ANY

    @property
    def only_uses(self) -> bool:
        """Return whether no change of a key can match, because changes lack the field."""
        return self.status not in {None, "success"} or any(
            value is not None for value in (self.action, self.mcp_id, self.tool, self.secret_version)
        )

    @property
    def needs_ends(self) -> bool:
        """Return whether the end of a call decides whether its use matches."""
        return self.status not in {None, "denied"} or self.reason is not None

    @property
    def awaits_ends(self) -> bool:
        """Return whether a call can match only after it has ended."""
        return self.status in {"success", "error"} or self.reason is not None

    def parameters(self) -> dict[str, Any]:
        """Return the filters as parameters of a statement, by name."""
        return structs.asdict(self)


_ANY = UseFilters()
