"""How far lists are paged by number."""

MAX_OFFSET = 10_000
"""So many items may lie before a page: they have to be passed over. Cursors know no such end."""
