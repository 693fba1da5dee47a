"""Composition of the API: creates and connects all of its parts."""

import gc
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from uuid import uuid4

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from app.auth.authorization import authorize
from app.handlers import HttpRequest, get_services, raw_request
from app.http.access_log import AccessLogMiddleware, RequestLog
from app.http.errors import Problem, to_problem
from app.http.host import HostRule
from app.http.middleware import RequestMiddleware
from app.http.paths import allowed
from app.observability.health.clock import clock_kept
from app.observability.health.snapshot import SystemSnapshot
from app.observability.metrics.lazy_exporter import Exposition
from app.observability.metrics.recorder import Recorder, flush_metrics
from app.observability.tracing.tracing import closing, tracing
from app.openapi.description import describe
from app.pages.errors.response import problem_response
from app.pages.session import openid
from app.process.background_tasks import end_process_with
from app.process.draining import Draining
from app.routes import DASHBOARD, PAGES, ROUTES
from app.server.application import Application
from app.server.hot_routes import HotRoutes, by_target
from app.services import Services
from app.verification.rate_limits import RateLimits
from app.verification.requests import VerificationRequest, VerificationResult
from app.verification.verification import Verification, VerificationQueue
from app.verification.verifier import Verifier
from eventstore.group_commit import BatchHandler, BatchLimits
from gateway.config import GatewayConfig
from gateway.openid.provider import Provider
from infrastructure.cursors import CursorSigner
from infrastructure.database.connections import Timeouts, open_pipeline, pool
from infrastructure.encryption import Sealer
from infrastructure.geoip import country_lookup
from infrastructure.github_keys import GithubKeys
from infrastructure.log_format import configure_logging
from infrastructure.setting import API
from infrastructure.settings import Settings
from projections.commands import commands_on

Handler = BatchHandler[VerificationRequest, VerificationResult]


def create_app(
    config: Settings,
    wrap_verifier: Callable[[Handler], Handler] = lambda verifier: verifier,
    limits: BatchLimits | None = None,
) -> Application:
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
    queue = VerificationQueue(
        connect=lambda: open_pipeline(config.database_url, timeouts=timeouts),
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
        verification=Verification(queue),
        gateway=traces.gateway(GatewayConfig(egress=config.egress)),
        sealer=Sealer(config.master_keys),
        cursors=CursorSigner(config.master_keys),
        plans=config.plans,
        openid=Provider(config, config.public_url + openid.PATH) if config.oidc_issuer else None,
        snapshot=SystemSnapshot(config.redis_url, queue.probe),
        exposition=Exposition(config.metrics_folder),
        rate_limits=rate_limits,
        country_of=country_lookup(config.geo_database),
        github_keys=None if config.github_keys is None else GithubKeys(config.github_keys),
    )

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
                queue,
                metrics_flush as metrics_task,
                clock_kept(services.pool) as clock_task,
                services.openid or nullcontext(),
            ):
                end_process_with([*queue.tasks, metrics_task, clock_task])
                _tune_garbage_collector()
                yield
        finally:
            await services.pool.close()

    inner = Litestar(
        route_handlers=[
            *(route.to_framework() for route in ROUTES if not route.direct),
            *(each.to_framework() for each in DASHBOARD),
            *PAGES,
        ],
        guards=[authorize],
        exception_handlers={Exception: _problem_response},
        lifespan=[opened],
        state=State({"services": services, "description": describe(ROUTES)}),
        openapi_config=None,
        logging_config=None,
    )
    direct = {route.target: route.to_direct(services) for route in ROUTES if route.direct}
    paths = frozenset(path for _, path in direct)
    log = RequestLog(recorder, config.access_log, paths)
    respond = partial(problem_response, public_url=config.public_url)
    host = HostRule()
    handled = RequestMiddleware(
        inner,
        direct,
        any_method={route.path: route.method for route in ROUTES if route.any_method},
        draining=services.draining,
        trusted_proxies=config.trusted_proxies,
        problem_response=respond,
        host=host,
    )
    observed = AccessLogMiddleware(handled, log, services.draining)
    hot = HotRoutes(
        routes=by_target(route for each in ROUTES if (route := each.to_hot(services)) is not None),
        verification=services.verification,
        draining=services.draining,
        log=log,
        traces=traces,
        trusted_proxies=config.trusted_proxies,
        problem_response=respond,
        host=host,
    )
    return Application(traces.requests(observed, paths), hot, services.draining)


def app_from_environment() -> Application:
    """Return the API that each server process runs, configured by the environment."""
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
    inbound, services = raw_request(request), get_services(request)
    accept, public_url = inbound.header("accept"), services.config.public_url
    reply = problem_response(problem, inbound.path, accept, inbound.request_id, public_url=public_url)
    # The framework adds the charset to the types of texts.
    media_type = reply.content_type.partition(";")[0]
    return Response(reply.body, status_code=reply.status, headers=reply.headers, media_type=media_type)


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
