"""A client that uses only the standard library and the published shapes of the API, as an outside developer would.

It reads `success`, `data`, `pagination` and `error.code`, and ignores everything that this service adds to them.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from email.message import Message
from typing import Any


class Refused(Exception):
    """`{"success": false, "error": {"code", "message", "details"?}}`"""

    def __init__(self, status: int, error: Mapping[str, Any], headers: Message) -> None:
        super().__init__(error["message"])
        self.status = status
        self.code: str = error["code"]
        self.details: Mapping[str, Any] = error.get("details", {})
        self.headers = headers


class PublishedClient:
    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key

    def request(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Return the complete response of a success, or raise `Refused`."""
        outgoing = urllib.request.Request(self._url + path, method=method)  # noqa: S310 -- http of the test's own server
        outgoing.add_header("Authorization", f"Bearer {self._key}")
        if body is not None:
            outgoing.add_header("Content-Type", "application/json")
            outgoing.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(outgoing, timeout=60) as response:  # noqa: S310 -- likewise
                answer: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                failure = json.load(error)
            assert failure["success"] is False
            raise Refused(error.code, failure["error"], error.headers) from None
        assert answer["success"] is True
        return answer

    def every(self, path: str, per_page: int) -> Iterator[Any]:
        """Yield the items of all pages of a list, in order."""
        number, pages = 1, 1
        while number <= pages:
            answer = self.request("GET", f"{path}?page={number}&per_page={per_page}")
            pages = answer["pagination"]["total_pages"]
            assert len(answer["data"]) <= per_page
            yield from answer["data"]
            number += 1
