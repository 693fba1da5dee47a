"""Refusals of commands: the base class of every domain error."""

from typing import ClassVar


class Refusal(Exception):
    """The command was refused.

    The first line of a subclass's docstring is the message a caller reads; `code` is the contract's error code and
    `details` names the fields or numbers that decided.
    """

    code: ClassVar[str] = "conflict"

    def __init__(self, message: str | None = None, /, **details: object) -> None:
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        self.details = details
        super().__init__(self.message)


class Forbidden(Refusal):
    """This caller may not do that."""

    code = "forbidden"


class OwnerOnly(Forbidden):
    """Only the owner of the organization may do this."""

    def __init__(self) -> None:
        super().__init__(required=["owner"])


class Invalid(Refusal):
    """The request is not valid."""

    code = "validation_error"


class Conflict(Refusal):
    """The state of the resource does not allow that."""

    code = "conflict"


class NotFound(Refusal):
    """There is no such resource."""

    code = "not_found"


class RevisionMismatch(Refusal):
    """The resource was changed since the revision that If-Match names. Read it again and repeat the request."""

    code = "revision_mismatch"


class LimitReached(Refusal):
    """The plan's limit is reached."""

    code = "key_limit_reached"
