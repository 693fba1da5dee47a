-- When the tools were listed, and what a call has to know of them beforehand.

alter table mcp_health add column listed_at timestamptz, add column parameter_headers bytea;
comment on column mcp_health.listed_at is 'When the tools were listed last; null before the first time, and when a server said that they have changed.';
comment on column mcp_health.parameter_headers is
    'The tools that want arguments repeated in HTTP headers: {tool: {header: path}} as JSON; null where none does.';
