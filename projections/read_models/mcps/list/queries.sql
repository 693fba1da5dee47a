-- mcp_put
-- The whole row of an MCP server.
insert into mcp_list (
    mcp_id, organization_id, name, description, endpoint_url, environment, auth_type, status, created_at, updated_at,
    revision, deleted_at, health_checks
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (mcp_id) do update
set name = excluded.name, description = excluded.description, endpoint_url = excluded.endpoint_url,
    environment = excluded.environment, auth_type = excluded.auth_type, status = excluded.status,
    updated_at = excluded.updated_at, revision = excluded.revision, deleted_at = excluded.deleted_at,
    health_checks = excluded.health_checks

-- credential_put
-- Stores the credential of an MCP server of the organization that is bound. $1 MCP, $2 sealed credential
insert into mcp_credentials (mcp_id, organization_id, sealed) values (%s, bound_organization(), %s)
on conflict (mcp_id) do update set sealed = excluded.sealed

-- credential_remove
-- Removes the credential. $1 MCP
delete from mcp_credentials where mcp_id = %s

-- credentials_erase
-- Removes the credentials of all MCP servers of an organization. $1 organization
delete from mcp_credentials where mcp_id in (select mcp_id from mcp_list where organization_id = %s)

-- facts
-- The facts about these MCP servers that a decision needs. $1 ids
select mcp_id, organization_id, environment, status = 'active'
from mcp_list where mcp_id = any(%b::text[]) and deleted_at is null

-- environments
-- Every MCP server of the organization with its environment. $1 organization
select mcp_id, environment from mcp_list where organization_id = %s and deleted_at is null

-- detail
-- One MCP server. $1 MCP, $2 organization
select mcp_id, name, description, endpoint_url, environment, auth_type, status, created_at, updated_at, revision,
    health_checks
from mcp_list where mcp_id = %s and organization_id = %s and deleted_at is null

-- page
-- MCP servers, newest first. Parameters by name: organization_id; status and health, null for any; limit, offset
select mcp_id, name, description, endpoint_url, environment, auth_type, status, created_at, updated_at, revision,
    health_checks
from mcp_list left join mcp_health using (mcp_id)
where mcp_list.organization_id = %(organization_id)s and deleted_at is null
  and (%(status)s::text is null or status = %(status)s::text)
  and (%(health)s::text is null or coalesce(health, 'unknown') = %(health)s::text)
order by created_at desc, mcp_id desc limit %(limit)s offset %(offset)s

-- page_after
-- The page after the MCP server that was created at created_at with the id mcp_id. The other parameters are as above.
select mcp_id, name, description, endpoint_url, environment, auth_type, status, created_at, updated_at, revision,
    health_checks
from mcp_list left join mcp_health using (mcp_id)
where mcp_list.organization_id = %(organization_id)s and deleted_at is null
  and (created_at, mcp_id) < (%(created_at)s, %(mcp_id)s)
  and (%(status)s::text is null or status = %(status)s::text)
  and (%(health)s::text is null or coalesce(health, 'unknown') = %(health)s::text)
order by created_at desc, mcp_id desc limit %(limit)s

-- total
-- The number of MCP servers. Parameters by name, as above.
select count(*)
from mcp_list left join mcp_health using (mcp_id)
where mcp_list.organization_id = %(organization_id)s and deleted_at is null
  and (%(status)s::text is null or status = %(status)s::text)
  and (%(health)s::text is null or coalesce(health, 'unknown') = %(health)s::text)

-- names
-- Every MCP server of the organization with its name. $1 organization
select mcp_id, name, environment, status from mcp_list where organization_id = %s and deleted_at is null

-- route
-- The destination of a call, its sealed credential and its health. $1 MCP, $2 organization
select m.endpoint_url, m.auth_type, c.sealed, m.status = 'active', h.health, h.checked_at, h.failing_since, h.moved_at,
    h.parameter_headers, m.health_checks
from mcp_list m left join mcp_credentials c using (mcp_id) join mcp_health h using (mcp_id)
where m.mcp_id = %s and m.organization_id = %s and m.deleted_at is null

-- active_mcps
-- The MCP servers that keys can reach, by name. $1 organization
select mcp_id, name, environment from mcp_list
where organization_id = %s and status = 'active' and deleted_at is null order by name, mcp_id
