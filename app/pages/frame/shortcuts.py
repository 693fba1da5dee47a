"""The choice whether keyboard shortcuts work in this browser, stored in a cookie.

People whose software types for them, such as speech input, switch them off (WCAG 2.2 §2.1.4).
"""

from app.auth.sessions import cookies_of
from app.handlers import HttpRequest, get_services, raw_request
from app.services import Services

_COOKIE = "shortcuts"
_OFF = "off"


def has_shortcuts(request: HttpRequest) -> bool:
    """Return whether the user has not switched them off."""
    return cookies_of(get_services(request).config).read(raw_request(request), _COOKIE) != _OFF


def shortcuts_cookie(services: Services, *, on: bool) -> str:
    """Return the Set-Cookie header that stores the choice."""
    cookies = cookies_of(services.config)
    return cookies.expire(_COOKIE) if on else cookies.keep(_COOKIE, _OFF)
