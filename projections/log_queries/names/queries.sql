-- names
-- The names of people (their email addresses), keys and MCP servers. Erased addresses are missing; a deleted MCP server
-- keeps its name. Alerts have their type, and the name of the key that they are about. Parameters by name: user_ids,
-- key_ids, mcp_ids, alert_ids; created_by: only keys that this user created, null for all keys.
select 'user', user_id, email from users where user_id = any(%(user_ids)s::text[])
union all
select 'api_key', key_id, name from key_list
where key_id = any(%(key_ids)s::text[]) and (%(created_by)s::text is null or created_by = %(created_by)s::text)
union all
select 'mcp', mcp_id, name from mcp_list where mcp_id = any(%(mcp_ids)s::text[])
union all
select 'alert', alert_id, type from alert_list where alert_id = any(%(alert_ids)s::text[])
union all
select 'alert_key', alert_id, name from alert_list join key_list using (key_id)
where alert_id = any(%(alert_ids)s::text[])
  and (%(created_by)s::text is null or key_list.created_by = %(created_by)s::text)
