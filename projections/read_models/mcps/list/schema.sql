-- The MCPs of an organization, and the sealed credentials for them. Inline: it changes with the log in one transaction.

create table mcp_list (
    mcp_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    name            text not null,
    description     text not null,
    endpoint_url    text not null,
    environment     text not null check (environment in ('live', 'test')),
    auth_type       text not null check (auth_type in ('none', 'bearer', 'api_key', 'basic')),
    status          text not null check (status in ('active', 'inactive', 'deleted')),
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    revision        integer not null,
    deleted_at      timestamptz
);
comment on column mcp_list.status is 'inactive: no key reaches it until it is activated again.';
comment on column mcp_list.deleted_at is 'Set: no key reaches it any more. The row stays, for names in what happened before.';
create index mcp_list_newest on mcp_list (organization_id, created_at desc, mcp_id desc);

create table mcp_credentials (
    mcp_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    sealed          bytea not null
);
comment on table mcp_credentials is
    'Upstream credentials, sealed with AES-256-GCM and bound to their MCP. In no event: removed when the MCP is deleted.';

grant select, insert, update on mcp_list to keyledger_app;
grant select, insert, update, delete on mcp_credentials to keyledger_app;
call fence('mcp_list');
call fence('mcp_credentials');
call gate_reads('mcp_list');
