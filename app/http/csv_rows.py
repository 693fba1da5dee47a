"""Comma-separated values (RFC 4180)."""

import csv
import io
from collections.abc import Sequence


def csv_rows(rows: Sequence[Sequence[object]]) -> bytes:
    """Return the rows as CSV."""
    output = io.StringIO(newline="")
    csv.writer(output).writerows(rows)
    return output.getvalue().encode()


def escape_formula(text: str) -> str:
    """Return `text`, quoted if a spreadsheet would run it as a formula (OWASP, "CSV Injection")."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
