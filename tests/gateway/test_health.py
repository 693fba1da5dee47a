"""Health of a server as derived from the result of a call."""

import pytest

from gateway.errors import (
    EgressRefused,
    GatewayError,
    InvalidArguments,
    ResourceNotFound,
    ToolNotFound,
    UpstreamConnectionLost,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.health import health_after


@pytest.mark.parametrize("error", [None, ToolNotFound(), ResourceNotFound(), InvalidArguments()])
def test_a_server_that_responds_is_healthy(error: GatewayError | None) -> None:
    assert health_after(error, 100) == "healthy"


@pytest.mark.parametrize("error", [UpstreamUnreachable(), EgressRefused()])
def test_an_unreachable_server_is_unhealthy(error: GatewayError) -> None:
    assert health_after(error, 100) == "unhealthy"


@pytest.mark.parametrize(("timeout_ms", "health"), [(100, None), (4_999, None), (5_000, "unhealthy")])
def test_a_timeout_counts_only_from_five_seconds(timeout_ms: int, health: str | None) -> None:
    assert health_after(UpstreamTimeout(), timeout_ms) == health


@pytest.mark.parametrize("error", [UpstreamError(), UpstreamConnectionLost()])
def test_an_invalid_response_does_not_change_the_health(error: GatewayError) -> None:
    assert health_after(error, 30_000) is None
