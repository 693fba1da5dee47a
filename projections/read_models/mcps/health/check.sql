-- mcp_health_all
-- Whether a server is due, and whether it is unhealthy. The due time is not in the log.
select mcp_id, organization_id, moved_at, due_at is not null, coalesce(health = 'unhealthy', false) from mcp_health
