"""The verified e-mail address in a provider's responses, in the forms that providers use.

OpenID Connect Core 1.0 §5.1 defines `email_verified` as a boolean. Amazon Cognito (userinfo) and Apple (ID token) send
it as text, and Microsoft Entra ID does not send it at all.
"""

from typing import Any

from msgspec import Struct

from gateway.openid.errors import EmailUnverified, TokenInvalid


class Claims(Struct, frozen=True):
    """The claims about a user in one response of the provider: an ID token, or userinfo."""

    sub: str
    email: str | None = None
    email_verified: Any = None


def is_verified(claims: Claims) -> bool | None:
    """Return whether the provider has verified the address; None if the provider does not state it."""
    match claims.email_verified:
        case None:
            return None
        case bool() as value:
            return value
        case str() as value:
            return value.strip().casefold() == "true"
        case _:
            return False


def settles(token: Claims) -> bool:
    """Return whether the ID token alone decides, so that userinfo is not needed."""
    return is_verified(token) is False or (bool(token.email) and is_verified(token) is True)


def verified_email(token: Claims, info: Claims | None, *, trusted: bool) -> str:
    """Return the address that the provider has verified. Raise an `OpenIdError`.

    A "no" in either response is final. A "yes" applies only to the address in the same response. If the provider states
    neither, the address counts if it is `trusted`: the operator knows that this issuer verifies every address.
    """
    if info is not None and info.sub != token.sub:
        raise TokenInvalid("userinfo is about someone else")
    answers = [token] if info is None else [token, info]
    addresses = {answer.email.casefold(): answer.email for answer in answers if answer.email}
    if len(addresses) != 1 or any(is_verified(answer) is False for answer in answers):
        raise EmailUnverified
    (email,) = addresses.values()
    if trusted or any(answer.email and is_verified(answer) is True for answer in answers):
        return email
    raise EmailUnverified
