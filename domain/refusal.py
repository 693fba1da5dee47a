"""Refusals of commands: the base class of every domain error."""

from typing import ClassVar


class Refusal(Exception):
    """The request was refused.

    The first line of a subclass's docstring is the message a caller reads; `code` is the contract's error code and
    `details` names the fields or numbers that decided.
    """

    code: ClassVar[str] = "conflict"

    def __init__(self, message: str | None = None, /, **details: object) -> None:
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        self.details = details
        super().__init__(self.message)


class Forbidden(Refusal):
    """The caller is not allowed to do this."""

    code = "forbidden"


class OwnerOnly(Forbidden):
    """Only the owner of the organization is allowed to do this."""

    def __init__(self) -> None:
        super().__init__(required=["owner"])


class Invalid(Refusal):
    """The request is not valid."""

    code = "validation_error"


class Conflict(Refusal):
    """The state of the resource does not allow this."""

    code = "conflict"


class NotFound(Refusal):
    """Not found, or not visible to the caller."""

    code = "not_found"


class RevisionMismatch(Refusal):
    """The resource is no longer at the revision in If-Match. Read it again, and retry with its new ETag."""

    code = "revision_mismatch"


class LimitReached(Refusal):
    """The plan does not allow more."""

    code = "key_limit_reached"
