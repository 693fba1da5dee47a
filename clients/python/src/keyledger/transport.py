"""Sending of a call, sync and async. Only this module differs between the two."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from typing import TypeVar

import httpx2

from keyledger.call import Call
from keyledger.codec import content_of, refusal_in, request_for, shown_url
from keyledger.errors import ApiError, IncompleteAnswer, SecretLost
from keyledger.retries import NO_ANSWER, Attempts, Retries

T = TypeVar("T")


class Sender:
    def __init__(self, http: httpx2.Client, retries: Retries) -> None:
        self._http = http
        self._retries = retries

    def send(self, call: Call[T]) -> T:
        attempts = Attempts(shown_url(self._http.base_url), self._retries, call.repeat)
        response = self._response(call, attempts)
        try:
            return content_of(call, response)
        except SecretLost as lost:
            instead = attempts.instead_of(call, lost)
        return self.send(instead)

    def stream(self, call: Call[bytes]) -> Iterator[bytes]:
        """Yield the content of the response as it arrives. Only a request that got no response is repeated."""
        response = self._response(
            call, Attempts(shown_url(self._http.base_url), self._retries, call.repeat), stream=True
        )
        with closing(response):
            try:
                yield from response.iter_bytes()
            except NO_ANSWER as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                return
        raise IncompleteAnswer(reason)

    def _response(self, call: Call[T], attempts: Attempts, *, stream: bool = False) -> httpx2.Response:
        """Return the first response that is no error. With `stream`, its content is still to be read."""
        request = request_for(self._http, call)
        while True:
            try:
                response = self._http.send(request, stream=stream)
                if stream and not response.is_success:
                    response.read()
            except NO_ANSWER as error:
                pause = attempts.after_no_answer(error)
            else:
                refusal = refusal_in(call, response)
                if refusal is None:
                    return response
                pause = attempts.after_refusal(refusal) if isinstance(refusal, ApiError) else refusal
            # Raise here, outside of the except clause, so that the exception's context does not reference the request
            # and its key.
            if isinstance(pause, Exception):
                raise pause
            time.sleep(pause)


class AsyncSender:
    def __init__(self, http: httpx2.AsyncClient, retries: Retries) -> None:
        self._http = http
        self._retries = retries

    async def send(self, call: Call[T]) -> T:
        attempts = Attempts(shown_url(self._http.base_url), self._retries, call.repeat)
        response = await self._response(call, attempts)
        try:
            return content_of(call, response)
        except SecretLost as lost:
            instead = attempts.instead_of(call, lost)
        return await self.send(instead)

    async def stream(self, call: Call[bytes]) -> AsyncIterator[bytes]:
        """Yield the content as `Sender.stream` does."""
        response = await self._response(
            call, Attempts(shown_url(self._http.base_url), self._retries, call.repeat), stream=True
        )
        async with aclosing(response):
            try:
                async for piece in response.aiter_bytes():
                    yield piece
            except NO_ANSWER as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                return
        raise IncompleteAnswer(reason)

    async def _response(self, call: Call[T], attempts: Attempts, *, stream: bool = False) -> httpx2.Response:
        request = request_for(self._http, call)
        while True:
            try:
                response = await self._http.send(request, stream=stream)
                if stream and not response.is_success:
                    await response.aread()
            except NO_ANSWER as error:
                pause = attempts.after_no_answer(error)
            else:
                refusal = refusal_in(call, response)
                if refusal is None:
                    return response
                pause = attempts.after_refusal(refusal) if isinstance(refusal, ApiError) else refusal
            if isinstance(pause, Exception):
                raise pause
            await asyncio.sleep(pause)
