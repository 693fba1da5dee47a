"""`Keyledger` and `AsyncKeyledger`: the same methods, called or awaited."""

from types import TracebackType
from typing import Any, Self

import httpx2

from keyledger.endpoints import health, tools, verification
from keyledger.methods import AsyncClient, Awaited, Client, Sent
from keyledger.resources import (
    Activity,
    Alerts,
    AsyncActivity,
    AsyncAlerts,
    AsyncAudit,
    AsyncKeys,
    AsyncMcps,
    AsyncMembers,
    AsyncOrganization,
    AsyncUsage,
    AsyncWebhooks,
    Audit,
    Keys,
    Mcps,
    Members,
    Organization,
    Usage,
    Webhooks,
)
from keyledger.retries import Retries
from keyledger.secret import Secret, revealed
from keyledger.transport import AsyncSender, Sender
from keyledger.version import VERSION

TIMEOUT_SECONDS = 10.0
CONNECT_SECONDS = 3.0


class Keyledger(Client):
    """A client with its own connections, for any number of threads. `with` closes them.

    `url`: the URL of the service. `key`: the key for all calls, or None for health alone. `timeout_seconds`: time for a
    response; a connection gets at most 3 s. `http`: further arguments of httpx2.Client, such as `verify`, `proxy`,
    `transport`.
    """

    def __init__(
        self,
        url: str,
        key: str | Secret | None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        **http: Any,  # noqa: ANN401 -- passed on as it is
    ) -> None:
        self._http = httpx2.Client(**_settings(url, key, timeout_seconds), **http)
        super().__init__(Sender(self._http, retries or Retries()))
        self.keys = Keys(self.sender)
        self.mcps = Mcps(self.sender)
        self.organization = Organization(self.sender)
        self.members = Members(self.sender)
        self.usage = Usage(self.sender)
        self.alerts = Alerts(self.sender)
        self.activity = Activity(self.sender)
        self.audit = Audit(self.sender)
        self.webhooks = Webhooks(self.sender)

    verify = Sent(verification.verify_key)
    invoke = Sent(tools.invoke_tool)
    read_resource = Sent(tools.read_resource)
    list_servers = Sent(tools.list_servers)
    get_liveness = Sent(health.get_liveness)
    get_readiness = Sent(health.get_readiness)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Keyledger({str(self._http.base_url)!r})"


class AsyncKeyledger(AsyncClient):
    """The same as `Keyledger` for asyncio, with awaited methods. `async with` closes its connections."""

    def __init__(
        self,
        url: str,
        key: str | Secret | None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        **http: Any,  # noqa: ANN401 -- passed on as it is
    ) -> None:
        self._http = httpx2.AsyncClient(**_settings(url, key, timeout_seconds), **http)
        super().__init__(AsyncSender(self._http, retries or Retries()))
        self.keys = AsyncKeys(self.sender)
        self.mcps = AsyncMcps(self.sender)
        self.organization = AsyncOrganization(self.sender)
        self.members = AsyncMembers(self.sender)
        self.usage = AsyncUsage(self.sender)
        self.alerts = AsyncAlerts(self.sender)
        self.activity = AsyncActivity(self.sender)
        self.audit = AsyncAudit(self.sender)
        self.webhooks = AsyncWebhooks(self.sender)

    verify = Awaited(verification.verify_key)
    invoke = Awaited(tools.invoke_tool)
    read_resource = Awaited(tools.read_resource)
    list_servers = Awaited(tools.list_servers)
    get_liveness = Awaited(health.get_liveness)
    get_readiness = Awaited(health.get_readiness)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncKeyledger({str(self._http.base_url)!r})"


def _settings(url: str, key: str | Secret | None, timeout_seconds: float) -> dict[str, Any]:
    """Return the settings of the HTTP client.

    Redirects are not followed, so the key is sent only to `url`. httpx2's repr of headers hides Authorization.
    """
    headers = {"User-Agent": f"keyledger-python/{VERSION}"}
    if key is not None:
        if not revealed(key).isascii():
            raise ValueError("The key contains characters that a key cannot contain.")
        headers["Authorization"] = f"Bearer {revealed(key)}"
    return {
        "base_url": url.rstrip("/"),
        "headers": headers,
        "timeout": httpx2.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
    }
