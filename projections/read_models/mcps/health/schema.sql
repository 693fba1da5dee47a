-- How each MCP server was found last time, and when it is asked next. Inline: rows come and go with the MCPs, in one
-- transaction with the log. What lies between two changes, such as when a server answered last, is observed and in no event.

create table mcp_health (
    mcp_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    health          text check (health in ('healthy', 'unhealthy')),
    moved_at        timestamptz not null,
    checked_at      timestamptz,
    failing_since   timestamptz,
    due_at          timestamptz,
    tools           bytea
) with (fillfactor = 80);
comment on column mcp_health.health is
    'healthy: it answered. unhealthy: it did not, more than once in a row; this alone follows from the log. Null: nobody knows yet, or not since the MCP moved.';
comment on column mcp_health.moved_at is 'Since when calls go to this address with this credential: what was asked before says nothing.';
comment on column mcp_health.checked_at is 'The last call or test that says something; null before the first.';
comment on column mcp_health.failing_since is 'The first failure in a row; null when the last attempt was answered.';
comment on column mcp_health.due_at is 'When a worker looks at it next, and asks unless it answered a call lately. Null: the MCP is inactive.';
comment on column mcp_health.tools is 'What the last test that succeeded found, as a JSON array; null before the first.';
create index mcp_health_due on mcp_health (due_at) where due_at is not null;

grant select, insert, update, delete on mcp_health to keyledger_app;
call fence('mcp_health');
