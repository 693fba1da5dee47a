"""Redirects of an MCP server, which are reported and never followed."""

import httpx2

from gateway.errors import UpstreamError
from gateway.redaction import redacted_text
from gateway.upstream import Upstream, credential_secrets

_TARGET_LENGTH_MAX = 300


def refused_redirect(upstream: Upstream, status: int, location: str | None) -> UpstreamError:
    """Return an error that names the target of the redirect, without its query, which may contain a secret."""
    target = _target(upstream.endpoint_url, location)
    if target is None:
        return UpstreamError(f"It answered with a redirect (HTTP {status}) that names no address.")
    shown = redacted_text(target, credential_secrets(upstream.credential), _TARGET_LENGTH_MAX)
    return UpstreamError(f"It answered with a redirect to {shown} (HTTP {status}). Register that URL if it is right.")


def _target(url: str, location: str | None) -> str | None:
    if not location:
        return None
    try:
        target = httpx2.URL(url).join(location)
    except (httpx2.InvalidURL, ValueError):
        return None
    if not target.host:
        return None
    return str(target.copy_with(username=None, password=None, query=None, fragment=None))
