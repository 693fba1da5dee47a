-- Names are folded (Unicode NFKC and case folding) instead of written in small letters; see projections/key_list/terms.py.

comment on column key_list.name_key is
    'The folded name with U+001F where each word begins: what lists are sorted by, and where a search looks.';
comment on column key_terms.term is
    'q: and the folded name from the beginning of each of its words on, or the prefix likewise · mcp: and the id of an MCP that the key lists, * for all';
