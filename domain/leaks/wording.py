"""The words about what became of a key that was found in public, for mails and pages."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from domain.leaks.reaction import Outcome


class OutcomeText(NamedTuple):
    """`brief` continues a sentence whose subject is the key, as in the subject of a mail. `sentences` explain it."""

    brief: str
    sentences: str


OUTCOME_TEXTS: Final[Mapping[Outcome, OutcomeText]] = {
    "disabled": OutcomeText("is disabled now", "The key was disabled."),
    "revoked": OutcomeText("is revoked now", "The key was revoked."),
    "secret_ended": OutcomeText(
        "works with its new secret only",
        "It is a secret that a rotation had replaced. It was ended, and the key works with its new secret.",
    ),
    "still_works": OutcomeText("still works", "The key still works, because the organization wants only an alert."),
    "disabled_before": OutcomeText("was disabled before", "The key was disabled already. Do not enable it again."),
    "revoked_before": OutcomeText("was revoked before", "The key was revoked before."),
    "expired_before": OutcomeText("had expired before", "The key had expired before."),
    "secret_ended_before": OutcomeText(
        "works with its newest secret only",
        "It is an earlier secret, which no longer works. The key works with its newest secret.",
    ),
}
