-- organization_report
-- As key_report, for all keys: by day, by MCP, and in all. Parameters by name: organization_id; mcp_id, null for all;
-- since and until, days (UTC).
select day, mcp_id, sum(requests)::bigint, sum(denied)::bigint, sum(failed)::bigint, sum(billed)::bigint
from organization_usage_days
where organization_id = %(organization_id)s and day between %(since)s and %(until)s
  and (%(mcp_id)s::text is null or mcp_id = %(mcp_id)s)
group by grouping sets ((day), (mcp_id), ())

-- unknown_secrets
-- Verifications of secrets that belong to no key, by day (UTC). organization_usage_days has only uses of keys. Parameters
-- by name: organization_id; since and until, days (UTC)
select day, denied from organization_refusal_days
where organization_id = %(organization_id)s and day between %(since)s and %(until)s and code = 'unauthorized'

-- mcps_in_parts
-- The requests by MCP in whole days (UTC) and the hours before and after them. Parameters by name: organization_id;
-- mcp_id, null for all; and the fields of Parts
select mcp_id, sum(requests)::bigint
from (
    select mcp_id, requests from organization_usage_days
    where organization_id = %(organization_id)s and day between %(first)s and %(last)s
    union all
    select mcp_id, uses from organization_usage_hours
    where organization_id = %(organization_id)s and code = 'valid' and action in ('verify', 'check', 'call')
      and (hour >= %(since)s and hour < %(opening_until)s or hour >= %(closing_since)s and hour < %(until)s)
) as used
where mcp_id <> '' and (%(mcp_id)s::text is null or mcp_id = %(mcp_id)s)
group by mcp_id

-- billed
-- The requests of days (UTC) that count towards the quota. Parameters by name: as organization_report.
select coalesce(sum(billed), 0)::bigint
from organization_usage_days
where organization_id = %(organization_id)s and day between %(since)s and %(until)s
  and (%(mcp_id)s::text is null or mcp_id = %(mcp_id)s)

-- plan_of
-- The plan of an organization. $1 organization
select plan from organization_guard where organization_id = %s
