"""The user's theme, stored in a cookie of the browser, so that no script has to run before the first paint."""

from typing import Literal, get_args

from app.auth.sessions import cookies_of
from app.handlers import HttpRequest, get_services, raw_request
from app.services import Services

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)

_COOKIE = "theme"


def theme_of(request: HttpRequest) -> Theme:
    """Return the chosen theme; "system" without a valid cookie."""
    return theme_named(cookies_of(get_services(request).config).read(raw_request(request), _COOKIE))


def theme_named(name: str | None) -> Theme:
    """Return the theme with this name; "system" for any other name."""
    return name if name in THEMES else "system"


def theme_cookie(services: Services, theme: Theme) -> str:
    """Return the Set-Cookie header that stores the theme."""
    return cookies_of(services.config).keep(_COOKIE, theme)
