"""The limit of pagination by number."""

MAX_OFFSET = 10_000
"""The maximum number of items before a page, because the database must skip them. Cursors have no such limit."""
