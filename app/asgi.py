"""The composition of the API: every part of it, put together in one place."""

import gc
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any
from uuid import uuid4

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import ASGIApp

from app.addressing import allowed
from app.api import health
from app.api.alerts.acknowledge import acknowledge_alert
from app.api.alerts.detail import alert_detail
from app.api.alerts.list import list_alerts
from app.api.api_keys.activity import key_activity
from app.api.api_keys.change_details import change_key
from app.api.api_keys.create import create_key
from app.api.api_keys.detail import key_detail
from app.api.api_keys.disable import disable_key
from app.api.api_keys.enable import enable_key
from app.api.api_keys.list import list_keys
from app.api.api_keys.revoke import delete_key, revoke_key
from app.api.api_keys.revoke_many import revoke_keys
from app.api.api_keys.rotate import rotate_key
from app.api.api_keys.usage import key_usage
from app.api.api_keys.verify import verify_key
from app.api.audit.event import audit_event
from app.api.audit.events import audit_events
from app.api.audit.export import export_audit
from app.api.auth.check import check_key
from app.api.mcp.invoke import invoke_tool
from app.api.mcp.resources import read_resource
from app.api.mcp.servers import list_servers
from app.api.mcps.change_details import change_mcp
from app.api.mcps.delete import delete_mcp
from app.api.mcps.detail import mcp_detail
from app.api.mcps.list import list_mcps
from app.api.mcps.probe import test_mcp
from app.api.mcps.register import register_mcp
from app.api.metrics import metrics
from app.api.organization.change_details import change_organization
from app.api.organization.detail import organization_detail
from app.api.organization.invitations.list import list_invitations
from app.api.organization.invitations.withdraw import withdraw_invitation
from app.api.organization.members.change_role import change_member
from app.api.organization.members.invite import invite_member
from app.api.organization.members.list import list_members
from app.api.organization.members.remove import remove_member
from app.api.organization.members.transfer_ownership import transfer_ownership
from app.api.schema.document import openapi_document
from app.api.schema.reference import reference, reference_style
from app.api.session.current import current_session
from app.api.session.end import sign_out
from app.api.session.links import request_link
from app.api.session.notifications import change_notifications, notifications
from app.api.session.start import start_session
from app.api.sessions.end import end_session
from app.api.sessions.end_others import end_other_sessions
from app.api.sessions.list import list_sessions
from app.api.usage.current import usage_summary
from app.api.usage.history import usage_history
from app.api.usage.organization import organization_usage
from app.api.webhooks.change_details import change_webhook
from app.api.webhooks.create import create_webhook
from app.api.webhooks.delete import delete_webhook
from app.api.webhooks.deliveries import webhook_deliveries
from app.api.webhooks.detail import webhook_detail
from app.api.webhooks.list import list_webhooks
from app.api.webhooks.retry import retry_delivery
from app.api.webhooks.rotate import rotate_webhook_secret
from app.api.webhooks.trial import test_webhook
from app.background_tasks import end_process_with
from app.config import Config, from_environment
from app.draining import Draining, drained_on_sigterm
from app.edge import Edge
from app.exchange import DirectRoute
from app.judge import Judge
from app.leash import end_with_parent
from app.limits.rate_limits import RateLimits
from app.metrics.exposition import Exposition
from app.metrics.recorder import Recorder, figures_kept
from app.observed import Observed
from app.openapi.description import describe
from app.openid.provider import Provider
from app.operations.clock import clock_kept
from app.operations.standing import Standing
from app.pages import account, invitation, openid, sign_in
from app.pages.notifications import notifications_form
from app.pages.problems import problem_page
from app.pages.rendering import stylesheet
from app.problems import CONTENT_TYPE, Problem, as_problem, body
from app.requests import HttpRequest, inbound_of
from app.security.authorization import authorize
from app.security.cursors import CursorSigner
from app.services import Services
from app.slow_headers import Connections, slow_headers_closed
from app.telemetry.tracing import closing, tracing
from app.verification import Question, Ruling, Verification
from eventstore.database import GATE_ROLE, Timeouts, connect, pool
from eventstore.group_commit import Bounds
from eventstore.group_commit import Judge as JudgeOf
from eventstore.logging import configure_logging
from gateway.config import GatewayConfig
from gateway.places import country_teller
from gateway.sealing import Sealer

JudgeOfKeys = JudgeOf[Question, Ruling]

ROUTES: list[Any] = [
    create_key,
    list_keys,
    key_detail,
    change_key,
    disable_key,
    enable_key,
    delete_key,
    revoke_key,
    revoke_keys,
    rotate_key,
    key_activity,
    key_usage,
    audit_events,
    audit_event,
    export_audit,
    register_mcp,
    list_mcps,
    mcp_detail,
    change_mcp,
    delete_mcp,
    test_mcp,
    organization_detail,
    change_organization,
    list_members,
    invite_member,
    change_member,
    remove_member,
    transfer_ownership,
    list_invitations,
    withdraw_invitation,
    list_alerts,
    alert_detail,
    acknowledge_alert,
    create_webhook,
    list_webhooks,
    webhook_detail,
    change_webhook,
    delete_webhook,
    rotate_webhook_secret,
    test_webhook,
    webhook_deliveries,
    retry_delivery,
    request_link,
    start_session,
    current_session,
    notifications,
    change_notifications,
    sign_out,
    list_sessions,
    end_session,
    end_other_sessions,
    usage_summary,
    organization_usage,
    usage_history,
    health.ready,
    openapi_document,
    reference,
    reference_style,
    problem_page,
    sign_in.front_page,
    sign_in.sign_in_page,
    sign_in.ask_for_link,
    sign_in.confirm_page,
    sign_in.confirm,
    invitation.invitation_page,
    invitation.accept,
    openid.to_provider,
    openid.from_provider,
    account.account_page,
    account.sign_out_form,
    account.end_session_form,
    account.end_other_sessions_form,
    notifications_form,
    stylesheet,
]
"""What the framework routes. Each says whom it lets in; see `app/security/authorization.py`."""

DIRECT_ROUTES: dict[tuple[str, str], DirectRoute] = {
    ("POST", "/v1/api-keys/verify"): verify_key,
    ("GET", "/v1/auth/check"): check_key,
    ("POST", "/v1/mcp/invoke"): invoke_tool,
    ("POST", "/v1/mcp/resources"): read_resource,
    ("GET", "/v1/mcp/servers"): list_servers,
    ("GET", "/health/live"): health.live,
    ("GET", "/metrics"): metrics,
}
"""What is answered without the framework. Each looks at the key by itself."""


def create_app(
    config: Config,
    altered: Callable[[JudgeOfKeys], JudgeOfKeys] = lambda judge: judge,
    bounds: Bounds | None = None,
) -> ASGIApp:
    """The whole API. Its parts are opened and closed with the server (ASGI lifespan).

    `altered` makes another judge of presented keys, `bounds` is what it takes on at most: with them tests compose
    builds that fail on purpose.
    """
    # Never so long that the question itself would be given up.
    rate_limits = RateLimits(config.redis_url, min(config.redis_patience_seconds, config.patience_seconds / 2))
    patience = config.patience_seconds
    timeouts = Timeouts(answer=patience, lock=patience, statement=max(Timeouts().statement, 2 * patience))
    recorder = Recorder()
    traces = tracing(wanted=config.traces)
    verification = Verification(
        connect=lambda: connect(config.database_url, role=GATE_ROLE, timeouts=timeouts),
        judge=altered(Judge(config.plans, rate_limits)),
        producer=uuid4().hex,
        bounds=bounds or Bounds(deadline_seconds=patience),
        watch=traces.batches(recorder),
    )
    services = Services(
        config=config,
        draining=Draining(config.grace_seconds),
        pool=pool(config.database_url, timeouts=timeouts),
        verification=verification,
        gateway=traces.gateway(GatewayConfig(egress=config.egress)),
        sealer=Sealer(config.master_keys),
        cursors=CursorSigner(config.master_keys),
        plans=config.plans,
        openid=None if config.openid is None else Provider(config.openid, config.public_url + openid.PATH),
        standing=Standing(config.redis_url, verification.probe),
        exposition=Exposition(Path(config.metrics_folder) if config.metrics_folder else None),
        rate_limits=rate_limits,
        country_of=country_teller(config.geo_database),
    )

    connections = Connections(config.port, config.header_seconds)

    @asynccontextmanager
    async def opened(_app: Litestar) -> AsyncGenerator[None]:
        # Not waited for: while the database is away the process starts, and says 503 until it is back.
        await services.pool.open(wait=False)
        figures = figures_kept(recorder, services.verification, services.pool, rate_limits.counts)
        try:
            async with (
                closing(traces),
                services.gateway,
                services.rate_limits,
                services.verification,
                figures as keeping_figures,
                clock_kept(services.pool) as keeping_clock,
                services.openid or nullcontext(),
                slow_headers_closed(connections) as closing_slow,
                drained_on_sigterm(services.draining),
            ):
                end_process_with([*services.verification.tasks, keeping_figures, keeping_clock, closing_slow])
                _quiet_garbage_collector()
                yield
        finally:
            await services.pool.close()

    inner = Litestar(
        route_handlers=ROUTES,
        guards=[authorize],
        exception_handlers={Exception: _answer_problem},
        lifespan=[opened],
        state=State({"services": services, "description": describe()}),
        openapi_config=None,
        logging_config=None,
    )
    edge = Edge(inner, DIRECT_ROUTES, services)
    observed = Observed(edge, DIRECT_ROUTES, recorder, config.log_access, services.draining, connections)
    return traces.requests(observed, frozenset(path for _, path in DIRECT_ROUTES))


def app_from_environment() -> ASGIApp:
    """What the server calls in each of its processes."""
    end_with_parent()
    configure_logging()
    return create_app(from_environment(os.environ))


def _quiet_garbage_collector() -> None:
    """What is there at the start stays: it is not looked through again. Requests make few cycles and many objects.

    With Python's thresholds a collection runs every few requests and walks all that are under way.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _answer_problem(request: HttpRequest, error: Exception) -> Response[bytes]:
    # Where there is no route, no key is judged before the body is refused.
    refused = inbound_of(request).refused if isinstance(error, HTTPException) else None
    problem = refused or (_of_framework(error) if isinstance(error, HTTPException) else as_problem(error))
    services: Services = request.app.state.services
    content = body(problem, request_id=inbound_of(request).request_id, public_url=services.config.public_url)
    return Response(content, status_code=problem.status, headers=problem.headers, media_type=CONTENT_TYPE)


def _of_framework(error: HTTPException) -> Problem:
    match error:
        case NotFoundException():
            return Problem("not_found")
        case MethodNotAllowedException():
            methods = (error.headers or {}).get("allow", "").split(", ")
            return Problem("method_not_allowed", headers={"Allow": allowed(methods)})
        case _ if error.status_code < 500:  # noqa: PLR2004 -- the caller's mistakes
            return Problem("invalid_request", "The request can not be read.")
        case _:
            return as_problem(error)
