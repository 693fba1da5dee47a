"""Choice of a page's media type by the client's preference (RFC 9110 §12.5.1)."""

from collections.abc import Sequence


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """Return the type in `offered` with the highest weight in the Accept header, by default the first."""
    if accept is None:
        return offered[0]
    ranges = [_weighted(part) for part in accept.split(",")]
    weights = [_weight(media_type, ranges) for media_type in offered]
    return offered[weights.index(max(weights))]


def _weight(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the weight of the most specific range that includes the type; 0 if there is none."""
    for fitting in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        for name, weight in ranges:
            if name == fitting:
                return weight
    return 0.0


def _weighted(part: str) -> tuple[str, float]:
    name, *parameters = [piece.strip().lower() for piece in part.split(";")]
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0
