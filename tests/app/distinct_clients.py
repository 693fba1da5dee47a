"""Clients with distinct addresses, so that tests do not share per-client limits."""

from tests.app.client import Client, Response
from tests.app.mails import mails_to, token_in
from tests.app.organizations import Api
from tests.random_input import random_ipv6


class Visitor:
    """A visitor who has not signed in, at an address of the documentation network."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.ip = random_ipv6()
        self.client: Client = api.client(X_Forwarded_For=self.ip)

    def request_link(self, email: str) -> Response:
        return self.client.post("/v1/session/links", {"email": email})

    def token_for(self, email: str) -> str:
        """Request a sign-in link and return the token that was mailed."""
        before = len(mails_to(self.api, email))
        assert self.request_link(email).status == 202
        mails = mails_to(self.api, email)
        assert len(mails) == before + 1
        return token_in(mails[-1].text)

    def redeem(self, token: str, **body: object) -> Response:
        return self.client.post("/v1/session", {"token": token, **body})
