"""Sending of a call, sync and async. Only this module differs between the two."""

import asyncio
import time
from typing import TypeVar

import httpx2

from keyledger.call import Call
from keyledger.codec import content_of, refusal_in, request_for
from keyledger.errors import ApiError, SecretLost
from keyledger.retries import Attempts, Retries

T = TypeVar("T")


class Sender:
    def __init__(self, http: httpx2.Client, retries: Retries) -> None:
        self._http = http
        self._retries = retries

    def send(self, call: Call[T]) -> T:
        request = request_for(self._http, call)
        attempts = Attempts(self._retries, call.repeat)
        while True:
            try:
                response = self._http.send(request)
            except httpx2.TransportError as error:
                pause = attempts.after_no_answer(error)
            else:
                refusal = refusal_in(call, response)
                if refusal is None:
                    try:
                        return content_of(call, response)
                    except SecretLost as lost:
                        instead = attempts.instead_of(call, lost)
                    return self.send(instead)
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
        request = request_for(self._http, call)
        attempts = Attempts(self._retries, call.repeat)
        while True:
            try:
                response = await self._http.send(request)
            except httpx2.TransportError as error:
                pause = attempts.after_no_answer(error)
            else:
                refusal = refusal_in(call, response)
                if refusal is None:
                    try:
                        return content_of(call, response)
                    except SecretLost as lost:
                        instead = attempts.instead_of(call, lost)
                    return await self.send(instead)
                pause = attempts.after_refusal(refusal) if isinstance(refusal, ApiError) else refusal
            if isinstance(pause, Exception):
                raise pause
            await asyncio.sleep(pause)
