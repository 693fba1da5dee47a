-- health_put
-- Stores a server, active or not, at its current endpoint. The results of an earlier endpoint are deleted.
-- $1 MCP, $2 organization, $3 when its endpoint changed, $4 the next check, null: never
insert into mcp_health as h (mcp_id, organization_id, moved_at, due_at) values (%s, %s, %s, %s)
on conflict (mcp_id) do update
set moved_at = excluded.moved_at, due_at = excluded.due_at,
    health = case when h.moved_at = excluded.moved_at then h.health end,
    checked_at = case when h.moved_at = excluded.moved_at then h.checked_at end,
    failing_since = case when h.moved_at = excluded.moved_at then h.failing_since end,
    tools = case when h.moved_at = excluded.moved_at then h.tools end,
    listed_at = case when h.moved_at = excluded.moved_at then h.listed_at end,
    parameter_headers = case when h.moved_at = excluded.moved_at then h.parameter_headers end

-- health_change
-- Changes the health. $1 health, $2 MCP
update mcp_health set health = %s where mcp_id = %s

-- health_answered
-- Records that the server responded, unless there is a newer result, its endpoint has changed or it was deleted. Only
-- an event makes an unhealthy server healthy. Unchanged tools are not written again. A server that refused its lists
-- for now is not checked before the time that it named. One without `due_at` is still never checked.
-- $1 MCP, $2 when its endpoint had changed, $3 instant, $4 tools, null: unchanged, $5 their parameter headers,
-- $6 not before, null: any time
update mcp_health h
set health = coalesce(h.health, 'healthy'), checked_at = found.at, failing_since = null,
    tools = case when h.tools = found.tools then h.tools else coalesce(found.tools, h.tools) end,
    listed_at = case when found.tools is null then h.listed_at else found.at end,
    parameter_headers = case when found.tools is null then h.parameter_headers else found.parameter_headers end,
    due_at = case when h.due_at is not null then greatest(h.due_at, found.not_before) end
from (values (%s::text, %s::timestamptz, %s::timestamptz, %b::bytea, %b::bytea, %s::timestamptz))
    as found (mcp_id, moved_at, at, tools, parameter_headers, not_before)
where h.mcp_id = found.mcp_id and h.moved_at = found.moved_at and (h.checked_at is null or h.checked_at <= found.at)

-- health_failed
-- Records that the server did not respond, under the same conditions. The first failure in a row brings the next check
-- forward, but not before a time that the server named. One without `due_at` is still never checked.
-- $1 MCP, $2 when its endpoint had changed, $3 instant, $4 the next check, $5 not before, null: any time
update mcp_health h
set checked_at = found.at, failing_since = coalesce(h.failing_since, found.at),
    due_at = case when h.due_at is not null then greatest(
        case when h.failing_since is null then least(h.due_at, found.recheck_at) else h.due_at end, found.not_before
    ) end
from (values (%s::text, %s::timestamptz, %s::timestamptz, %s::timestamptz, %s::timestamptz))
    as found (mcp_id, moved_at, at, recheck_at, not_before)
where h.mcp_id = found.mcp_id and h.moved_at = found.moved_at and (h.checked_at is null or h.checked_at <= found.at)

-- health_remove
-- Deletes a server. $1 MCP
delete from mcp_health where mcp_id = %s

-- health_request_tools
-- Makes a worker list the tools with its next check. $1 instant, $2 MCP
update mcp_health set due_at = least(due_at, %s::timestamptz), listed_at = null where mcp_id = %s and due_at is not null

-- health_claim
-- Servers that are due, except those of deleted organizations. Each is moved ahead by an interval and up to a fifth of
-- it, so that the checks spread. One that responded within the interval and whose tools were listed recently needs no
-- check: it moves ahead from its response on. Parameters by name: at, interval, listed_within, limit
update mcp_health h
set due_at = case when claimed.answered then h.checked_at else %(at)s::timestamptz end
             + %(interval)s::interval * (1 + random() / 5)
from (
    select mcp_id,
        coalesce(
            failing_since is null and checked_at > %(at)s::timestamptz - %(interval)s::interval
                and listed_at > %(at)s::timestamptz - %(listed_within)s::interval,
            false
        ) as answered
    from mcp_health c
    where due_at <= %(at)s::timestamptz
      and (select g.status <> 'active' from organization_guard g where g.organization_id = c.organization_id) is not true
    order by due_at limit %(limit)s for update skip locked
) claimed
where h.mcp_id = claimed.mcp_id
returning h.mcp_id, h.organization_id, claimed.answered

-- health_of
-- The health of some servers. $1 MCPs
select mcp_id, coalesce(health, 'unknown'), checked_at from mcp_health where mcp_id = any(%s::text[])

-- tools_of
-- The tools of a server. $1 MCP
select tools from mcp_health where mcp_id = %s

-- tools_of_all
-- The health and the tools of some servers. $1 MCPs
select mcp_id, coalesce(health, 'unknown'), tools from mcp_health where mcp_id = any(%s::text[])
