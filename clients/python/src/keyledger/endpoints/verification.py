"""Verification of a key."""

from keyledger.call import Call, data_of, json_body, set_fields
from keyledger.models.verification import Verification
from keyledger.secret import Secret, revealed

_VERIFY = "/v1/api-keys/verify"
_read = data_of(Verification)


def verify_key(
    key: str | Secret,
    *,
    mcp_id: str | None = None,
    tool: str | None = None,
    ip: str | None = None,
    user_agent: str | None = None,
) -> Call[Verification]:
    """Return whether `key` may do this now. `tool` needs `mcp_id`. A denied key is a result (`valid` False).

    The call is retried if no response arrived: it changes nothing, and each attempt makes a new decision. If the first
    attempt was recorded and only its response was lost, the log contains a second use.
    """
    fields = set_fields(key=revealed(key), mcp_id=mcp_id, tool=tool, ip=ip, user_agent=user_agent)
    return Call("POST", _VERIFY, _read, body=json_body(**fields))
