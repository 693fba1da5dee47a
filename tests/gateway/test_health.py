"""What the end of a call says about the server."""

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
def test_whoever_answers_is_healthy(error: GatewayError | None) -> None:
    assert health_after(error, 100) == "healthy"


@pytest.mark.parametrize("error", [UpstreamUnreachable(), EgressRefused()])
def test_whoever_can_not_be_reached_is_unhealthy(error: GatewayError) -> None:
    assert health_after(error, 100) == "unhealthy"


@pytest.mark.parametrize(("timeout_ms", "health"), [(100, None), (4_999, None), (5_000, "unhealthy")])
def test_no_answer_counts_only_after_five_seconds(timeout_ms: int, health: str | None) -> None:
    assert health_after(UpstreamTimeout(), timeout_ms) == health


@pytest.mark.parametrize("error", [UpstreamError(), UpstreamConnectionLost()])
def test_an_answer_that_is_none_says_nothing(error: GatewayError) -> None:
    assert health_after(error, 30_000) is None
