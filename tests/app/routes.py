"""All routes of the service, as methods and paths: those of the API, and the pages that people use in a browser."""

from app.routes import PAGES, ROUTES

Route = tuple[str, str]
"""A method and a path."""

DIRECT: set[Route] = {route.target for route in ROUTES if route.direct}
"""Routes that bypass the framework."""

ANY_METHOD: set[str] = {route.path for route in ROUTES if route.any_method}
"""Paths where every method is handled like that of the route."""

ALL: set[Route] = {route.target for route in ROUTES} | {
    (str(method), path) for page in PAGES for path in page.paths for method in page.http_methods
}
