"""All errors of a call. No error contains or references a key.

`KeyledgerError` is the base class. `ApiError` and its subclasses are responses of the service. `Unreachable` means that
there was no response. `SecretLost` means that the response with a secret was lost.
"""

from collections.abc import Mapping


class KeyledgerError(Exception):
    """A call did not give what was asked for."""


class Unreachable(KeyledgerError):
    """No answer came, after all attempts that were safe.

    `may_have_happened`: whether the request may have been carried out nevertheless.
    """

    def __init__(self, reason: str, *, may_have_happened: bool) -> None:
        self.reason = reason
        self.may_have_happened = may_have_happened
        unknown = " Whether the request was carried out is not known." if may_have_happened else ""
        super().__init__(f"No answer: {reason}.{unknown}")


class UnexpectedAnswer(KeyledgerError):
    """Something answered that does not speak this API: a proxy, another service, or a much newer version."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(f"HTTP {status}, and {reason}")


class SecretLost(KeyledgerError):
    """The key was made or rotated, but the one answer with its secret did not arrive. The secret is kept nowhere.

    The client asks for another secret by itself. This is raised where it must not: under an Idempotency-Key that the
    caller chose, the first answer may have arrived in another process. Rotate `key_id`,
    `client.keys.rotate(error.key_id)`, or revoke it. `revision` is the one that the lost answer reported.
    """

    def __init__(self, key_id: str, revision: int = 0) -> None:
        self.key_id = key_id
        self.revision = revision
        super().__init__(
            f"{key_id} was made, but the answer with its secret was lost, and the secret is shown only once."
            f" Rotate {key_id} to get a new one, or revoke it."
        )


class ApiError(KeyledgerError):
    """An answer that says no.

    `code`: one of the API's error codes; `status`: HTTP; `details`: per field where fields are wrong; `request_id`:
    what to quote to whoever runs the service; `retry_after`: seconds, where the answer said so.
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
    """403: the key may not do this. `details["required"]` names the missing grants where that is why."""


class LimitReached(Forbidden):
    """403: the plan allows no more. `details` has `limit`, `used` and `plan`."""


class NotFound(ApiError):
    """404: there is nothing here that the key may see."""


class Conflict(ApiError):
    """409: the state of the resource does not allow this."""


class RevisionMismatch(Conflict):
    """412: the resource changed since the revision in `if_match`."""


class InvalidRequest(ApiError):
    """400, 405, 413, 415, 422: the request can not be carried out as it is; `details` says what to mend."""


class RateLimited(ApiError):
    """429: too many requests, or the month's are used up; `retry_after` says when to go on."""


class InternalError(ApiError):
    """500: something is wrong on the other side. Quote `request_id`."""


class McpFailed(ApiError):
    """502, 504: the MCP server did not answer properly. It may have done what was asked."""


class Unavailable(ApiError):
    """503: the log cannot be written now, and nothing is accepted that cannot be recorded.

    `details["outcome"]` is "not_recorded" (nothing happened) or "unknown" (a change was sent and not confirmed, and all
    repeats under its Idempotency-Key ended like that): look the change up.
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
