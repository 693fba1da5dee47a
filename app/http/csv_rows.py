"""Comma-separated values (RFC 4180)."""

import codecs
import csv
import io
from collections.abc import Sequence

EXCEL_MARK = codecs.BOM_UTF8
"""What a file begins with that Excel opens as UTF-8. Other programs may take it for a part of the first column."""


def csv_rows(rows: Sequence[Sequence[object]]) -> bytes:
    """Return the rows as CSV."""
    output = io.StringIO(newline="")
    csv.writer(output).writerows(rows)
    return output.getvalue().encode()


def escape_formula(text: str) -> str:
    """Return `text`, quoted if a spreadsheet would run it as a formula (OWASP, "CSV Injection")."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
