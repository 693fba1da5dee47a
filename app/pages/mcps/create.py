"""GET and POST /mcps/new: register an MCP server."""

from secrets import token_urlsafe

from app.api.mcps.create import create_mcp
from app.api.mcps.schemas import Mcp
from app.pages.fields import Fields
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.mcps.mcp_form import DEFAULTS, LABELS, SECRET_FIELDS, to_request
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/mcps/new", access="mcps:write")
async def mcp_create_page(visit: Visit) -> PageResponse:
    return await _form_page(visit, DEFAULTS, token_urlsafe())


@Page("POST", "/mcps/new", access="mcps:write")
async def mcp_create_form(visit: Visit) -> PageResponse:
    fields = visit.fields
    try:
        created = await visit.change(create_mcp, Mcp, to_request(fields), idempotency_key=fields.one("idempotency_key"))
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        return await _form_page(
            visit, fields, token_urlsafe(), await refusal_of(visit, error, LABELS, renamed=SECRET_FIELDS)
        )
    return visit.go_to(f"/mcps/{created.data.id}", "mcp_created")


async def _form_page(visit: Visit, fields: Fields, idempotency_key: str, refusal: Refusal = ACCEPTED) -> PageResponse:
    return await visit.page(
        "mcps/form.html",
        status=refusal.status,
        mcp=None,
        fields=fields,
        labels=LABELS,
        refusal=refusal,
        idempotency_key=idempotency_key,
        revision="",
    )
