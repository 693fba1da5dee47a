"""The codings that a client accepts."""


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether the client accepts gzip (RFC 9110 §12.5.3)."""
    for part in (accept_encoding or "").lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in {"gzip", "x-gzip"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
