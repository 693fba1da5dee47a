-- mcp_names
-- The names of MCP servers. $1 MCPs
select mcp_id, name from mcp_list where mcp_id = any(%s::text[])
