-- key_report
-- The uses of a key, summed up four times: by day, by MCP, by MCP and tool, and in all (everything null). Only the sums
-- by tool name a tool. Parameters by name: key_id; since and until, the first and the last day (UTC).
select day, mcp_id, tool, sum(requests)::bigint, sum(denied)::bigint, sum(failed)::bigint
from usage_days
where key_id = %(key_id)s and day between %(since)s and %(until)s
group by grouping sets ((day), (mcp_id), (mcp_id, tool), ())

-- key_hours
-- The uses of a key by hour. Parameters by name: key_id; since (inclusive) and until (exclusive), instants.
select hour, coalesce(sum(events) filter (where kind = 'used' and code = 'valid'), 0)::bigint,
       coalesce(sum(events) filter (where kind = 'used' and code <> 'valid'), 0)::bigint,
       coalesce(sum(events) filter (where kind = 'completed' and code = 'error'), 0)::bigint
from usage_counts
where key_id = %(key_id)s and hour >= %(since)s and hour < %(until)s and action in ('verify', 'check', 'call')
group by hour

-- key_denials
-- The denied uses of a key by reason. Parameters by name: as above.
select code, sum(events)::bigint
from usage_counts
where key_id = %(key_id)s and hour >= %(since)s and hour < %(until)s and action in ('verify', 'check', 'call')
  and kind = 'used' and code <> 'valid'
group by code

-- key_latencies
-- A histogram: calls by bucket. Parameters by name: key_id; since and until, the first and the last day (UTC).
select bucket, sum(calls)::bigint
from usage_days, unnest(latencies) with ordinality as histogram (calls, bucket)
where key_id = %(key_id)s and day between %(since)s and %(until)s and calls is not null
group by bucket

-- organization_report
-- As key_report, for all keys: by day, by MCP, and in all. Parameters by name: organization_id; since and until, days
-- (UTC).
select day, mcp_id, sum(requests)::bigint, sum(denied)::bigint, sum(failed)::bigint, sum(billed)::bigint
from organization_usage_days
where organization_id = %(organization_id)s and day between %(since)s and %(until)s
group by grouping sets ((day), (mcp_id), ())

-- organization_keys
-- The most used keys. Parameters by name: organization_id; since and until, days (UTC); created_by, null for any
-- creator; limit
select key_id, k.name, sum(d.requests)::bigint as requests
from key_usage_days d left join key_list k using (key_id)
where d.organization_id = %(organization_id)s and d.day between %(since)s and %(until)s
  and (%(created_by)s::text is null or k.created_by = %(created_by)s::text)
group by key_id, k.name
order by requests desc, key_id
limit %(limit)s

-- organization_days
-- Days with any uses, newest first. Parameters by name: organization_id; since and until, days (UTC); limit, offset
select day, sum(requests)::bigint, sum(denied)::bigint, sum(failed)::bigint, sum(billed)::bigint
from organization_usage_days
where organization_id = %(organization_id)s and day between %(since)s and %(until)s
group by day
order by day desc
limit %(limit)s offset %(offset)s

-- organization_days_total
-- The number of such days. Parameters by name, as above.
select count(distinct day)
from organization_usage_days
where organization_id = %(organization_id)s and day between %(since)s and %(until)s

-- mcp_names
-- The names of MCP servers. $1 MCPs
select mcp_id, name from mcp_list where mcp_id = any(%s::text[])

-- plan_of
-- The plan of an organization. $1 organization
select plan from organization_guard where organization_id = %s
