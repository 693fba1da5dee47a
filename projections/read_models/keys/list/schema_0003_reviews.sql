-- Keys with permissions or rotations that an administrator reviews.

create index key_list_rotations on key_list (organization_id, secrets_end_at) where secrets_end_at is not null;
comment on column key_terms.term is
    'q: and the folded name from the beginning of each of its words on, or the prefix likewise · mcp: and the id of an MCP that the key lists, * for all · open: and a management grant of a key that any IP address may use';
