"""The query parameters of activity: filters of uses, the period, the page and the start of a tail."""

from typing import Annotated

from msgspec import Meta, Struct, field

from app.api.schemas import IdFilter, Since, Until
from app.http.errors import invalid
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PerPage
from domain.networks import ADDRESS_EXPECTED, parse_address
from domain.usage.events import Action
from projections.log_queries.activity.filters import Status, UseFilters


class ActivityQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters that all lists of activity have. A filter compares the field of the same name in the response."""

    status: Annotated[Status, Meta(description="The outcome. `started`: a call without a recorded end.")] | None = None
    action: Annotated[Action, Meta(description="The purpose of a use.")] | None = None
    reason: (
        Annotated[
            IdFilter,
            Meta(
                description="Why a use was denied, a call failed or a key was revoked: an error code such as "
                "`ip_not_permitted`, or `compromised`."
            ),
        ]
        | None
    ) = None
    mcp_id: Annotated[IdFilter, Meta(description="The id of the MCP server that a use names.")] | None = None
    tool: Annotated[str, Meta(description="The tool that a use names.")] | None = None
    ip: Annotated[str, Meta(description="The address that the request came from.")] | None = None
    secret_version: (
        Annotated[int, Meta(ge=1, le=2**31 - 1, description="The version of the secret that was presented.")] | None
    ) = None
    since: Since | None = field(default=None, name="from")
    until: Until | None = field(default=None, name="to")
    after: (
        Annotated[
            str,
            Meta(
                description="Return the entries after this one, oldest first: the id of an entry, or `next_after` of "
                "the previous response. Cannot be combined with `cursor`."
            ),
        ]
        | None
    ) = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT

    def filters(self) -> UseFilters:
        """Return the filters. Raise 422 for a malformed address."""
        return UseFilters(
            status=self.status,
            action=self.action,
            reason=self.reason,
            mcp_id=self.mcp_id,
            tool=self.tool,
            ip=None if self.ip is None else _address(self.ip),
            secret_version=self.secret_version,
        )


def _address(given: str) -> str:
    """Return the address in the form that the logs use."""
    address = parse_address(given)
    if address is None:
        raise invalid(ip=ADDRESS_EXPECTED)
    return str(address)
