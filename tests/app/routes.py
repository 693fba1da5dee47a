"""All routes of the service, as methods and paths: those of the API, and the pages that people use in a browser."""

from app.routes import PAGES, ROUTES

Route = tuple[str, str]
"""A method and a path."""

DIRECT: set[Route] = {route.target for route in ROUTES if route.direct}
"""Routes that bypass the framework."""

ACCESS: dict[Route, str] = {route.target: route.access for route in ROUTES}
"""The declared access of every route."""
for page in PAGES:
    ACCESS.update({(str(method), path): page.opt["access"] for path in page.paths for method in page.http_methods})
