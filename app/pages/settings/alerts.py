"""GET and POST /settings/alerts: switch the anomaly rules on and off, and set their thresholds."""

from collections.abc import Sequence
from typing import NamedTuple

from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.api.organization.update import update_organization
from app.api.usage.current import get_usage
from app.api.usage.schemas import OrganizationReport
from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
from app.pages.page import Page
from app.pages.parts.usage_reports import LAST_DAY, outcomes_of, totals_of
from app.pages.rendering import PageResponse
from app.pages.settings.thresholds import RULES, ShownRule, as_entered, settings_in, shown
from app.pages.visit import Visit
from domain.anomalies.settings import thresholds_of
from infrastructure.clock import now

LABELS = {number.name: f"{rule.title}, {number.label.lower()}" for rule in RULES for number in rule.numbers}


class RecentUse(NamedTuple):
    """The uses of all keys in the last 24 hours. `busiest`: the requests of the hour with the most."""

    requests: int
    busiest: int
    errors: int
    refusals: int


@Page("GET", "/settings/alerts", access="organization:write")
async def thresholds_page(visit: Visit) -> PageResponse:
    organization = await visit.read(get_organization, Organization)
    return await _form_page(visit, organization, shown(thresholds_of(organization.settings)))


@Page("POST", "/settings/alerts", access="organization:write")
async def thresholds_form(visit: Visit) -> PageResponse:
    fields = visit.fields
    organization = await visit.read(get_organization, Organization)
    settings, errors = settings_in(fields, organization.settings)
    if errors:
        return await _form_page(visit, organization, as_entered(fields), Refusal(errors, "", 422))
    try:
        await visit.change(update_organization, Organization, {"settings": settings}, fields.one("revision"))
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        refusal = await refusal_of(visit, error, LABELS, organization.id)
        return await _form_page(visit, organization, as_entered(fields), refusal)
    return visit.go_to("/settings", "settings_changed")


async def _form_page(
    visit: Visit, organization: Organization, rules: Sequence[ShownRule], refusal: Refusal = ACCEPTED
) -> PageResponse:
    return await visit.page(
        "settings/alerts.html",
        status=refusal.status,
        rules=rules,
        labels=LABELS,
        refusal=refusal,
        use=await _recent_use(visit),
        current=[
            (LABELS[number.name], value)
            for rule in shown(thresholds_of(organization.settings))
            for number, value in rule.numbers
        ],
        revision=visit.fields.one("revision") if refusal.errors or refusal.notice else organization.revision,
    )


async def _recent_use(visit: Visit) -> RecentUse:
    at = now()
    report = await visit.read(get_usage, OrganizationReport, {**LAST_DAY.detailed_query(at), "keys": 0})
    hours = outcomes_of(report, LAST_DAY.period(at))
    totals = totals_of(hours)
    return RecentUse(
        requests=totals.accepted,
        busiest=max(hour.accepted + hour.errors for hour in hours),
        errors=totals.errors,
        refusals=totals.refused,
    )
