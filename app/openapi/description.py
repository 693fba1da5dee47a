"""The description of the API in its served form, created once when the process starts."""

from collections.abc import Sequence

from msgspec import Struct

from app.openapi.document import document, written
from app.openapi.reference import Reference, reference_of
from app.pages.rendering import render
from app.route import Route


class Description(Struct, frozen=True):
    """`document`: OpenAPI 3.1 in JSON. `page`: the same content for people, in HTML; `reference`: its parts."""

    document: bytes
    page: bytes
    reference: Reference


def describe(routes: Sequence[Route]) -> Description:
    described = document(routes)
    reference = reference_of(described)
    page = render("reference.html", **reference._asdict())
    return Description(written(described), page.encode(), reference)
