-- The tables of `benchmarks/hand_written.py`. A use has no foreign key and no other index than its primary key: its row
-- is the cheapest one that records it.
create table api_key (
    id bigint generated always as identity primary key,
    key_hash bytea not null unique, -- SHA-256 of the key
    org_id bigint not null,
    status text not null, -- 'active', or the reason of its refusal
    expires_at timestamptz,
    permissions text[] not null default '{}'
);

create table usage (
    id bigint generated always as identity primary key,
    key_id bigint not null,
    at timestamptz not null,
    outcome text not null, -- 'ok', or the reason of the refusal
    mcp_id text,
    ip text
);
