-- key_report
-- The uses of a key, summed up four times: by day, by MCP, by MCP and tool, and in all (everything null). Only the sums
-- by tool name a tool. Parameters by name: key_id; since and until, the first and the last day (UTC).
select day, mcp_id, tool, sum(requests)::bigint, sum(denied)::bigint, sum(failed)::bigint
from usage_days
where key_id = %(key_id)s and day between %(since)s and %(until)s
group by grouping sets ((day), (mcp_id), (mcp_id, tool), ())

-- key_report_by_hour
-- As key_report, with the sums by hour instead of by day. Parameters by name: key_id; since (inclusive) and until
-- (exclusive), instants.
select hour, mcp_id, tool,
       coalesce(sum(events) filter (where kind = 'used' and code = 'valid'), 0)::bigint,
       coalesce(sum(events) filter (where kind = 'used' and code <> 'valid'), 0)::bigint,
       coalesce(sum(events) filter (where kind = 'completed' and code = 'error'), 0)::bigint
from usage_counts
where key_id = %(key_id)s and hour >= %(since)s and hour < %(until)s and action in ('verify', 'check', 'call')
group by grouping sets ((hour), (mcp_id), (mcp_id, tool), ())

-- key_hours
-- The uses of a key by hour. Parameters by name: key_id; since (inclusive) and until (exclusive), instants.
select hour, coalesce(sum(events) filter (where kind = 'used' and code = 'valid'), 0)::bigint,
       coalesce(sum(events) filter (where kind = 'used' and code <> 'valid'), 0)::bigint,
       coalesce(sum(events) filter (where kind = 'completed' and code = 'error'), 0)::bigint
from usage_counts
where key_id = %(key_id)s and hour >= %(since)s and hour < %(until)s and action in ('verify', 'check', 'call')
group by hour

-- key_denials
-- The denied uses of a key by reason. Parameters by name: key_id; since and until, the first and the last day (UTC).
select code, sum(denied)::bigint
from key_refusal_days
where key_id = %(key_id)s and day between %(since)s and %(until)s
group by code

-- key_denials_by_hour
-- As key_denials, from the counts by hour. Parameters by name: key_id; since (inclusive) and until (exclusive), instants.
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
