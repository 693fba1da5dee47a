"""The queue of the requests that present keys, and the limit on unknown foreign secrets among them."""

from dataclasses import dataclass, field

from app.verification.requests import VerificationRequest, VerificationResult
from app.verification.unknown_secrets import UnknownSecrets
from eventstore.group_commit import GroupCommit

VerificationQueue = GroupCommit[VerificationRequest, VerificationResult]


@dataclass(frozen=True, slots=True)
class Verification:
    """The verification of presented keys in this process."""

    queue: VerificationQueue
    unknown_secrets: UnknownSecrets = field(default_factory=UnknownSecrets)
