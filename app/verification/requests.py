"""What can be asked about a presented key, and what is answered. `app/verification/verifier.py` decides."""

from datetime import datetime

from msgspec import Struct

from app.verification.rate_limits import RateLimitStatus
from domain.keys.state import Key
from domain.usage.decision import AccessDecision, AccessRequest
from domain.usage.events import CallStatus
from domain.usage.quota import Quota
from eventstore.group_commit import GroupCommit


class Authenticate(Struct, frozen=True):
    """A key presented for its own sake: to call, to manage, or to a reverse proxy."""

    presentation: AccessRequest


class VerifyKey(Struct, frozen=True):
    """`caller` asks about `subject`; None: what it asks about has not even the form of a key."""

    caller: AccessRequest
    subject: AccessRequest | None


class RecordCallEnd(Struct, frozen=True):
    """The call that the use `call_id` authorised has ended."""

    call_id: str
    key: Key
    mcp_id: str
    tool: str
    status: CallStatus
    latency_ms: int
    response_bytes: int
    error: str | None = None


VerificationRequest = Authenticate | VerifyKey | RecordCallEnd


class VerificationResult(Struct, frozen=True):
    """What was decided and recorded.

    `caller` is the verdict on the one who asked, `subject` on the key that was asked about; they are the same where a
    key was presented for its own sake. `event_id` names the recorded use, None where there was none to record.
    `allowance`: what is left of the rate limits, None where there is none or nobody was let in; `quota`: what is left
    of the month, None for a plan without a quota and for what is not billed.
    """

    caller: AccessDecision
    subject: AccessDecision
    at: datetime
    event_id: str | None
    allowance: RateLimitStatus | None = None
    quota: Quota | None = None


VerificationQueue = GroupCommit[VerificationRequest, VerificationResult]
