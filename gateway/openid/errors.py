"""Reasons why a sign-in by a provider fails. The first line of each docstring is the message for the user."""

from typing import ClassVar


class OpenIdError(Exception):
    """The provider did not sign you in."""

    reason: ClassVar[str] = "openid refused"
    """The reason that is stored with the failed attempt."""

    def __init__(self, cause: str = "") -> None:
        self.message = (type(self).__doc__ or "").partition("\n")[0]
        super().__init__(f"{self.message} {cause}".strip())


class ProviderUnavailable(OpenIdError):
    """The OpenID provider does not answer as it should. Try again in a while, or sign in by a link."""

    reason = "openid provider away"

    def __init__(self, cause: str = "", retry_after_seconds: int | None = None) -> None:
        """Take `retry_after_seconds`, for which no request is sent to the provider; None: requests may be sent."""
        super().__init__(cause)
        self.retry_after_seconds = retry_after_seconds
        if retry_after_seconds is not None:
            self.message = self.message.replace("in a while", f"in {retry_after_seconds} s")


class StateMismatch(OpenIdError):
    """This sign-in was started in another browser, or too long ago. Start again."""

    reason = "openid state wrong"


class TokenInvalid(OpenIdError):
    """The response of the OpenID provider does not prove your identity. Start again."""

    reason = "openid token invalid"


class EmailUnverified(OpenIdError):
    """The OpenID provider has not verified your e-mail address. Verify it there, or sign in by a link."""

    reason = "openid address not verified"
