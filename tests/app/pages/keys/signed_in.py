"""A browser without JavaScript in which a member is signed in, and the forms of pages about keys."""

from collections.abc import Generator
from contextlib import contextmanager

from app.auth.sessions import csrf_token
from tests.app.browser import Browser, browser
from tests.app.organizations import Api
from tests.app.people import COOKIE, Person


@contextmanager
def signed_in(api: Api, member: Person) -> Generator[Browser]:
    """Return a browser with the session of `member`."""
    with browser(api.url) as opened:
        opened.keep_cookie(COOKIE, member.secret)
        yield opened


def submit(opened: Browser, api: Api, member: Person, path: str, **fields: str) -> int:
    """Submit a form with exactly these fields, as a browser on this site does, and return the status of the answer."""
    sent = {"csrf_token": csrf_token(member.secret), **fields}
    return opened.post(path, sent, Origin=api.url, Sec_Fetch_Site="same-origin").status_code
