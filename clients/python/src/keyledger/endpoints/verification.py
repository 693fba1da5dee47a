"""May this key do this?"""

from keyledger.call import Call, data_of, json_body, set_fields
from keyledger.models.verification import Verification
from keyledger.secret import Secret, revealed

_VERIFY = "/v1/api-keys/verify"
_read = data_of(Verification)


def verify(
    key: str | Secret,
    *,
    mcp_id: str | None = None,
    tool: str | None = None,
    ip: str | None = None,
    user_agent: str | None = None,
) -> Call[Verification]:
    """Whether `key` may do this now; `tool` needs `mcp_id`. A refusal is an answer (`valid` False) and no exception.

    Sent again when no answer came: the decision is made anew each time, and nothing is changed by it. What a repeat
    does leave is a second use in the log, if the first one was recorded and only its answer was lost.
    """
    fields = set_fields(key=revealed(key), mcp_id=mcp_id, tool=tool, ip=ip, user_agent=user_agent)
    return Call("POST", _VERIFY, _read, body=json_body(**fields))
