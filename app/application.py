"""Composition of the API: creates and connects all of its parts."""

import gc
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any
from uuid import uuid4

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import ASGIApp

from app.api.alerts.acknowledge import acknowledge_alert
from app.api.alerts.get import get_alert
from app.api.alerts.list import list_alerts
from app.api.api_keys.activity import list_key_activity
from app.api.api_keys.create import create_key
from app.api.api_keys.disable import disable_key
from app.api.api_keys.enable import enable_key
from app.api.api_keys.get import get_key
from app.api.api_keys.list import list_keys
from app.api.api_keys.revoke import delete_key, revoke_key
from app.api.api_keys.revoke_many import revoke_keys
from app.api.api_keys.rotate import rotate_key
from app.api.api_keys.update import update_key
from app.api.api_keys.usage import get_key_usage
from app.api.api_keys.verify import verify_key
from app.api.audit.export import export_audit_log
from app.api.audit.get import get_audit_event
from app.api.audit.list import list_audit_events
from app.api.auth.check import check_key
from app.api.health import get_liveness, get_readiness
from app.api.mcp.invoke import invoke_tool
from app.api.mcp.resources import read_resource
from app.api.mcp.servers import list_servers
from app.api.mcps.create import create_mcp
from app.api.mcps.delete import delete_mcp
from app.api.mcps.get import get_mcp
from app.api.mcps.list import list_mcps
from app.api.mcps.test import test_mcp
from app.api.mcps.update import update_mcp
from app.api.metrics import get_metrics
from app.api.openapi_document import get_openapi_document
from app.api.organization.get import get_organization
from app.api.organization.invitations.create import create_invitation
from app.api.organization.invitations.delete import delete_invitation
from app.api.organization.invitations.list import list_invitations
from app.api.organization.members.delete import delete_member
from app.api.organization.members.list import list_members
from app.api.organization.members.transfer_ownership import transfer_ownership
from app.api.organization.members.update import update_member
from app.api.organization.update import update_organization
from app.api.session.create import create_session
from app.api.session.create_link import create_sign_in_link
from app.api.session.delete import delete_current_session
from app.api.session.get import get_current_session
from app.api.session.notifications import get_notifications, update_notifications
from app.api.sessions.delete import delete_session
from app.api.sessions.delete_others import delete_other_sessions
from app.api.sessions.list import list_sessions
from app.api.usage.current import get_usage
from app.api.usage.history import list_usage_history
from app.api.usage.organization import get_organization_usage
from app.api.webhooks.create import create_webhook
from app.api.webhooks.delete import delete_webhook
from app.api.webhooks.get import get_webhook
from app.api.webhooks.list import list_webhooks
from app.api.webhooks.list_deliveries import list_deliveries
from app.api.webhooks.retry_delivery import retry_delivery
from app.api.webhooks.rotate import rotate_webhook
from app.api.webhooks.test import test_webhook
from app.api.webhooks.update import update_webhook
from app.auth.authorization import authorize
from app.handlers import HttpRequest, raw_request
from app.http.access_log import AccessLogMiddleware
from app.http.errors import CONTENT_TYPE, Problem, problem_json, to_problem
from app.http.messages import DirectRoute, RawRequest, RawResponse
from app.http.middleware import RequestMiddleware
from app.http.paths import allowed
from app.observability.health.clock import clock_kept
from app.observability.health.snapshot import SystemSnapshot
from app.observability.metrics.lazy_exporter import Exposition
from app.observability.metrics.recorder import Recorder, flush_metrics
from app.observability.tracing.tracing import closing, tracing
from app.openapi.description import describe
from app.pages import account, invitation, openid, sign_in
from app.pages.api_reference import get_api_reference, get_reference_style
from app.pages.notifications import notifications_form
from app.pages.problems import get_problem_page
from app.pages.rendering import stylesheet
from app.process.background_tasks import end_process_with
from app.process.draining import Draining, drained_on_sigterm
from app.process.parent_death import exit_with_parent
from app.process.slow_headers import Connections, slow_headers_closed
from app.route import Route
from app.services import Services
from app.verification.rate_limits import RateLimits
from app.verification.requests import VerificationQueue, VerificationRequest, VerificationResult
from app.verification.verifier import Verifier
from eventstore.group_commit import BatchHandler, BatchLimits
from gateway.config import GatewayConfig
from gateway.openid.provider import Provider
from infrastructure.cursors import CursorSigner
from infrastructure.database.connections import AUTH_ROLE, Timeouts, connect, pool
from infrastructure.encryption import Sealer
from infrastructure.geoip import country_lookup
from infrastructure.log_format import configure_logging
from infrastructure.setting import API
from infrastructure.settings import Settings
from projections.commands import commands_on

ServiceRoute = Callable[[RawRequest, Services], Awaitable[RawResponse]]

Handler = BatchHandler[VerificationRequest, VerificationResult]

ROUTES: list[Any] = [
    create_key,
    list_keys,
    get_key,
    update_key,
    disable_key,
    enable_key,
    delete_key,
    revoke_key,
    revoke_keys,
    rotate_key,
    list_key_activity,
    get_key_usage,
    list_audit_events,
    get_audit_event,
    export_audit_log,
    create_mcp,
    list_mcps,
    get_mcp,
    update_mcp,
    delete_mcp,
    test_mcp,
    get_organization,
    update_organization,
    list_members,
    create_invitation,
    update_member,
    delete_member,
    transfer_ownership,
    list_invitations,
    delete_invitation,
    list_alerts,
    get_alert,
    acknowledge_alert,
    create_webhook,
    list_webhooks,
    get_webhook,
    update_webhook,
    delete_webhook,
    rotate_webhook,
    test_webhook,
    list_deliveries,
    retry_delivery,
    create_sign_in_link,
    create_session,
    get_current_session,
    get_notifications,
    update_notifications,
    delete_current_session,
    list_sessions,
    delete_session,
    delete_other_sessions,
    get_usage,
    get_organization_usage,
    list_usage_history,
    get_openapi_document,
    get_api_reference,
    get_reference_style,
    get_problem_page,
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
"""Routes of the framework. Each declares its access; see `app/auth/authorization.py`."""
ROUTES = [each.to_framework() if isinstance(each, Route) else each for each in ROUTES]

DIRECT_ROUTES: dict[tuple[str, str], ServiceRoute] = {
    ("POST", "/v1/api-keys/verify"): verify_key.handler,
    ("GET", "/v1/auth/check"): check_key.handler,
    ("POST", "/v1/mcp/invoke"): invoke_tool.handler,
    ("POST", "/v1/mcp/resources"): read_resource.handler,
    ("GET", "/v1/mcp/servers"): list_servers.handler,
    ("GET", "/health/live"): get_liveness.handler,
    ("GET", "/health/ready"): get_readiness.handler,
    ("GET", "/metrics"): get_metrics.handler,
}
"""Routes that bypass the framework. Each authorizes its requests itself."""


def create_app(
    config: Settings,
    wrap_verifier: Callable[[Handler], Handler] = lambda verifier: verifier,
    limits: BatchLimits | None = None,
) -> ASGIApp:
    """Return the API. Its parts start and stop with the server (ASGI lifespan).

    `wrap_verifier` replaces the verifier of presented keys, and `limits` bounds the batches. Tests use them to compose
    builds that fail on purpose.
    """
    # The wait for Valkey must end before the request itself times out.
    rate_limits = RateLimits(
        config.redis_url, min(config.rate_limit_timeout_seconds, config.request_timeout_seconds / 2)
    )
    timeout = config.request_timeout_seconds
    timeouts = Timeouts(acquire=timeout, lock=timeout, statement=max(Timeouts().statement, 2 * timeout))
    recorder = Recorder()
    traces = tracing(wanted=config.traces)
    verification = VerificationQueue(
        connect=lambda: connect(config.database_url, role=AUTH_ROLE, timeouts=timeouts),
        handler=wrap_verifier(Verifier(config.plans, rate_limits)),
        producer=uuid4().hex,
        limits=limits or BatchLimits(deadline_seconds=timeout),
        observer=traces.batches(recorder),
    )
    connections_to_database = pool(config.database_url, timeouts=timeouts)
    services = Services(
        config=config,
        draining=Draining(config.grace_seconds),
        pool=connections_to_database,
        commands=commands_on(connections_to_database, timeout),
        verification=verification,
        gateway=traces.gateway(GatewayConfig(egress=config.egress)),
        sealer=Sealer(config.master_keys),
        cursors=CursorSigner(config.master_keys),
        plans=config.plans,
        openid=Provider(config, config.public_url + openid.PATH) if config.oidc_issuer else None,
        snapshot=SystemSnapshot(config.redis_url, verification.probe),
        exposition=Exposition(config.metrics_folder),
        rate_limits=rate_limits,
        country_of=country_lookup(config.geo_database),
    )

    connections = Connections(config.port, config.header_seconds)

    @asynccontextmanager
    async def opened(_app: Litestar) -> AsyncGenerator[None]:
        # Don't wait: without the database the process still starts, and responds 503 until the database is back.
        await services.pool.open(wait=False)
        metrics_flush = flush_metrics(recorder, services.verification, services.pool, rate_limits.counts)
        try:
            async with (
                closing(traces),
                services.gateway,
                services.rate_limits,
                services.verification,
                metrics_flush as metrics_task,
                clock_kept(services.pool) as clock_task,
                services.openid or nullcontext(),
                slow_headers_closed(connections) as slow_headers_task,
                drained_on_sigterm(services.draining),
            ):
                end_process_with([*services.verification.tasks, metrics_task, clock_task, slow_headers_task])
                _tune_garbage_collector()
                yield
        finally:
            await services.pool.close()

    inner = Litestar(
        route_handlers=ROUTES,
        guards=[authorize],
        exception_handlers={Exception: _problem_response},
        lifespan=[opened],
        state=State({"services": services, "description": describe()}),
        openapi_config=None,
        logging_config=None,
    )
    direct = {target: _with_services(route, services) for target, route in DIRECT_ROUTES.items()}
    handled = RequestMiddleware(
        inner,
        direct,
        draining=services.draining,
        trusted_proxies=config.trusted_proxies,
        public_url=config.public_url,
    )
    observed = AccessLogMiddleware(handled, direct, recorder, config.access_log, services.draining, connections)
    return traces.requests(observed, frozenset(path for _, path in DIRECT_ROUTES))


def _with_services(route: ServiceRoute, services: Services) -> DirectRoute:
    return lambda inbound: route(inbound, services)


def app_from_environment() -> ASGIApp:
    """Return the API that each server process runs, configured by the environment."""
    exit_with_parent()
    configure_logging()
    return create_app(Settings.from_environment(os.environ, API))


def _tune_garbage_collector() -> None:
    """Exempt the objects of the startup from garbage collection and collect less often.

    Requests create many objects and few cycles. With Python's default thresholds a collection would run every few
    requests and traverse all requests in progress.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _problem_response(request: HttpRequest, error: Exception) -> Response[bytes]:
    # An unknown route checks no key, so the reason for refusing the body takes precedence.
    refused = raw_request(request).refused if isinstance(error, HTTPException) else None
    problem = refused or (_framework_problem(error) if isinstance(error, HTTPException) else to_problem(error))
    services: Services = request.app.state.services
    content = problem_json(problem, request_id=raw_request(request).request_id, public_url=services.config.public_url)
    return Response(content, status_code=problem.status, headers=problem.headers, media_type=CONTENT_TYPE)


def _framework_problem(error: HTTPException) -> Problem:
    match error:
        case NotFoundException():
            return Problem("not_found")
        case MethodNotAllowedException():
            methods = (error.headers or {}).get("allow", "").split(", ")
            return Problem("method_not_allowed", headers={"Allow": allowed(methods)})
        case _ if error.status_code < 500:  # noqa: PLR2004 -- client errors
            return Problem("invalid_request", "The request cannot be read.")
        case _:
            return to_problem(error)
