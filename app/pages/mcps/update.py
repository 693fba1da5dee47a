"""GET and POST /mcps/{id}/edit: change an MCP server. A stored credential is never shown, only replaced."""

from app.api.mcps.get import McpDetail, get_mcp
from app.api.mcps.schemas import Mcp
from app.api.mcps.update import update_mcp
from app.pages.fields import Fields
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.mcps.mcp_form import LABELS, SECRET_FIELDS, to_fields, to_request
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/mcps/{mcp_id}/edit", access="mcps:write")
async def mcp_edit_page(visit: Visit, mcp_id: str) -> PageResponse:
    mcp = await visit.read(get_mcp, McpDetail, mcp_id=mcp_id)
    return await _form_page(visit, mcp, to_fields(mcp))


@Page("POST", "/mcps/{mcp_id}/edit", access="mcps:write")
async def mcp_edit_form(visit: Visit, mcp_id: str) -> PageResponse:
    fields = visit.fields
    mcp = await visit.read(get_mcp, McpDetail, mcp_id=mcp_id)
    try:
        await visit.change(update_mcp, Mcp, to_request(fields, mcp), fields.one("revision"), mcp_id=mcp_id)
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        return await _form_page(visit, mcp, fields, await refusal_of(visit, error, LABELS, mcp_id, SECRET_FIELDS))
    return visit.go_to(f"/mcps/{mcp.id}", "mcp_changed")


async def _form_page(visit: Visit, mcp: McpDetail, fields: Fields, refusal: Refusal = ACCEPTED) -> PageResponse:
    return await visit.page(
        "mcps/form.html",
        status=refusal.status,
        mcp=mcp,
        fields=fields,
        labels=LABELS,
        refusal=refusal,
        idempotency_key="",
        revision=fields.one("revision") if refusal.errors or refusal.notice else mcp.revision,
    )
