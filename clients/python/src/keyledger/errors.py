"""All errors of a call. No error contains or references a key.

`KeyledgerError` is the base class. `ApiError` and its subclasses are responses of the service. `Unreachable` means that
there was no response, `IncompleteAnswer` that it was cut off. `SecretLost` means that the response with a secret was
lost.
"""

from collections.abc import Mapping


class KeyledgerError(Exception):
    """The base class of all errors of a call."""


class Unreachable(KeyledgerError):
    """No response arrived, or none that can be decompressed, after all retries that were safe.

    `service`: the URL of the service. `may_have_happened`: whether the service may have carried out the request.
    """

    def __init__(self, service: str, reason: str, *, may_have_happened: bool) -> None:
        self.service = service
        self.reason = reason
        self.may_have_happened = may_have_happened
        consequence = (
            "It is not known whether the request was carried out."
            if may_have_happened
            else "Check the address, and whether the service is running."
        )
        super().__init__(f"No response from {service}: {reason.removesuffix('.')}. {consequence}")


class UnexpectedAnswer(KeyledgerError):
    """The response is not from this API, but from a proxy, another service or a much newer version."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(f"HTTP {status}: {reason}")


class IncompleteAnswer(KeyledgerError):
    """The content of a response that is read in pieces was cut off. What arrived of it is incomplete."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The response is incomplete: {reason}. Request it again.")


class SecretLost(KeyledgerError):
    """The key was created or rotated, but the only response with its secret was lost. The secret is not stored.

    Normally the client rotates the key to get another secret. It raises this error if the caller chose the
    Idempotency-Key, because another process may have received the first response. Rotate `key_id` with
    `client.keys.rotate(error.key_id)`, or revoke it. `revision` is the revision in the lost response.
    """

    def __init__(self, key_id: str, revision: int = 0) -> None:
        self.key_id = key_id
        self.revision = revision
        super().__init__(
            f"{key_id} was created, but the response with its secret was lost, and the secret is shown only once."
            f" Rotate {key_id} to get a new one, or revoke it."
        )


class ApiError(KeyledgerError):
    """An error response.

    `code`: one of the API's error codes. `status`: the HTTP status. `details`: further facts, such as the problem of
    each invalid field. `request_id`: quote it to the operator. `retry_after`: Retry-After in seconds, if present.
    """

    def __init__(
        self,
        code: str,
        status: int,
        message: str,
        details: Mapping[str, object] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.code = code
        self.status = status
        self.message = message
        self.details = dict(details or {})
        self.request_id = request_id
        self.retry_after = retry_after
        super().__init__(message)

    def __str__(self) -> str:
        fields = "".join(f" {name}: {what}." for name, what in self.details.items())
        quoted = f" [{self.request_id}]" if self.request_id else ""
        return f"{self.code} ({self.status}): {self.message}{fields}{quoted}"


class Unauthorized(ApiError):
    """401: the client's own key is missing, malformed, unknown, expired, revoked or disabled."""


class Forbidden(ApiError):
    """403: the key may not do this. `details["required"]` names the missing grants, if any."""


class LimitReached(Forbidden):
    """403: a limit of the plan is reached. `details` has `limit`, `used`, `plan`, and for an import `created`."""


class NotFound(ApiError):
    """404: the resource does not exist, or is not visible to the key."""


class Conflict(ApiError):
    """409: the state of the resource does not allow this."""


class RevisionMismatch(Conflict):
    """412: the resource changed since the revision in `if_match`."""


class InvalidRequest(ApiError):
    """400, 405, 413, 415, 422: the request is invalid. `details` names the problems."""


class RateLimited(ApiError):
    """429: too many requests, or the quota of the month is used up. Retry after `retry_after` seconds."""


class InternalError(ApiError):
    """500: the service failed. Report `request_id` to the operator."""


class McpFailed(ApiError):
    """502, 504: the MCP server returned no valid response. It may have carried out the request."""


class Unavailable(ApiError):
    """503: the service cannot record requests now, so it accepts none.

    `details["outcome"]` is "not_recorded" (nothing was changed) or "unknown" (a change was sent but not confirmed, and
    neither was any retry with its Idempotency-Key). If it is unknown, check whether the change was made.
    """


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: RevisionMismatch,
    429: RateLimited,
    502: McpFailed,
    503: Unavailable,
    504: McpFailed,
}


def error_class(code: str, status: int) -> type[ApiError]:
    """Return the class for a response. The status decides for codes that are newer than this client."""
    if code.endswith("_limit_reached"):
        return LimitReached
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return InternalError if status >= 500 else InvalidRequest  # noqa: PLR2004 -- the service's side, or the caller's
