"""A hot route: one that only asks whether a key is accepted, as two plain functions around the decision of a batch.

It needs no task and no future, so the HTTP protocol itself can answer it (`app/server/exchange.py`).
"""

from collections.abc import Callable
from typing import NamedTuple

from app.http.messages import DirectRoute, RawRequest, RawResponse
from app.verification.authenticate import KeyQuestion, submit
from app.verification.requests import VerificationResult
from app.verification.verification import Verification


class HotRoute(NamedTuple):
    """Both functions raise what becomes an error response. `any_method`: every method is handled like `method`."""

    method: str
    path: str
    any_method: bool
    ask: Callable[[RawRequest], KeyQuestion]
    answer: Callable[[KeyQuestion, VerificationResult], RawResponse]

    def to_direct(self, verification: Verification) -> DirectRoute:
        """Return the route for the middleware, to which requests with an unusual target go."""

        async def handle(inbound: RawRequest) -> RawResponse:
            question = self.ask(inbound)
            return self.answer(question, await submit(question, verification))

        return handle
