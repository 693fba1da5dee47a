"""Refusals of key commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, Forbidden, LimitReached, NotFound


class KeyNotFound(NotFound):
    """API key not found, or not visible to the caller."""


class KeyLimitReached(LimitReached):
    """The plan does not allow more API keys. Revoke a key, or change the plan."""

    code = "key_limit_reached"


class KeyIsRevoked(Conflict):
    """This key has been revoked. Revocation is permanent. Create a new key."""


class KeyHasExpired(Conflict):
    """This key has expired and can no longer be changed. Create a new key."""


class ExceedsAuthority(Forbidden):
    """The caller can only create or rotate keys whose permissions the caller has. Reduce the permissions of the key."""


class LastActiveKey(Forbidden):
    """Cannot revoke your only active key"""  # the exact wording that the contract requires
