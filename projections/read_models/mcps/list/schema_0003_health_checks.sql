-- A service that is not an MCP server can be registered for gateways. Its health is not checked.

alter table mcp_list add column health_checks boolean not null default true;
comment on column mcp_list.health_checks is 'False: the health is not checked and stays unknown.';
