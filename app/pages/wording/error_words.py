"""Texts of pages about errors, for people. The default messages address programs."""

from typing import NamedTuple

from app.pages.wording.words import GRANTS
from domain.members.events import Role


class Words(NamedTuple):
    what_happened: str
    what_to_do: str


WORDS = {
    "unauthorized": Words("You are not signed in.", "Sign in, and open the page again."),
    "forbidden": Words(
        "Your role does not allow this.",
        "Ask an owner or an admin of your organization to do it or to change your role.",
    ),
    "not_found": Words(
        "There is no page at this address, or you cannot see it.", "Check the address, or continue with the start page."
    ),
    "method_not_allowed": Words(
        "This address cannot be used in this way.", "Go back, reload the page, and try again from there."
    ),
    "payload_too_large": Words("What you sent is larger than 1 MiB.", "Shorten it and send it again."),
    "unsupported_media_type": Words("The form cannot be read.", "Go back, reload the page, and send it again."),
    "validation_error": Words("Some entries are not valid. Nothing was changed.", "Correct them and send them again."),
    "invalid_request": Words("The request cannot be read.", "Go back, reload the page, and try again from there."),
    "internal_error": Words(
        "The service failed unexpectedly.",
        "Try again. If it fails again, report the request id below to the operator of this service.",
    ),
    "unavailable": Words("The service cannot answer right now.", "Wait a few seconds, then reload the page."),
}


def role_words(role: Role, required: str, owner: str | None) -> Words:
    """Return why a role may not do what needs the grant `required`, or the role of the owner, and who can change that.

    `owner` is the address of the owner, unless it was erased.
    """
    article = "an" if role[0] in "aeiou" else "a"
    action = "see keys" if required == "keys:read" else {**GRANTS}.get(required, "do this")
    who = f"{owner} (owner)" if owner else "The owner"
    remedy = "can do it." if required == "owner" else "can change that."
    return Words(f"You're {article} {role}, so you can't {action}.", f"{who} {remedy}")
