"""The description of the API in its served form, created once when the process starts."""

from collections.abc import Sequence

from msgspec import Struct

from app.openapi.document import document, written
from app.openapi.reference import reference_page
from app.route import Route


class Description(Struct, frozen=True):
    """`document`: OpenAPI 3.1 in JSON. `page`: the same content for people, in HTML."""

    document: bytes
    page: bytes


def describe(routes: Sequence[Route]) -> Description:
    described = document(routes)
    return Description(written(described), reference_page(described))
