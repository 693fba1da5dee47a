-- mcp_health_all
-- Whether an MCP is due, and whether it is unhealthy: when it is due is not in the log.
select mcp_id, organization_id, moved_at, due_at is not null, coalesce(health = 'unhealthy', false) from mcp_health
