"""Refusals of key commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, Forbidden, LimitReached, NotFound


class KeyNotFound(NotFound):
    """There is no such API key."""


class KeyLimitReached(LimitReached):
    """The plan's limit of API keys is reached. Revoke a key you no longer need, or change the plan."""

    code = "key_limit_reached"


class KeyIsRevoked(Conflict):
    """The key is revoked, and that is for ever. Create a new key."""


class KeyHasExpired(Conflict):
    """The key has expired and can not be changed any more. Create a new key."""


class ExceedsAuthority(Forbidden):
    """A key can be given or rotated only by one who may do everything the key may do."""


class LastActiveKey(Forbidden):
    """Cannot revoke your only active key"""  # the exact wording that the contract requires
