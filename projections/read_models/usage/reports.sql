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
-- The denied uses of a key by reason. Parameters by name: key_id; since and until, the first and the last day (UTC).
select code, sum(denied)::bigint
from key_refusal_days
where key_id = %(key_id)s and day between %(since)s and %(until)s
group by code

-- key_latencies
-- A histogram: calls by bucket. Parameters by name: key_id; since and until, the first and the last day (UTC).
select bucket, sum(calls)::bigint
from usage_days, unnest(latencies) with ordinality as histogram (calls, bucket)
where key_id = %(key_id)s and day between %(since)s and %(until)s and calls is not null
group by bucket

-- organization_report
-- As key_report, for all keys: by day, by MCP, and in all. Parameters by name: organization_id; mcp_id, null for all;
-- since and until, days (UTC).
select day, mcp_id, sum(requests)::bigint, sum(denied)::bigint, sum(failed)::bigint, sum(billed)::bigint
from organization_usage_days
where organization_id = %(organization_id)s and day between %(since)s and %(until)s
  and (%(mcp_id)s::text is null or mcp_id = %(mcp_id)s)
group by grouping sets ((day), (mcp_id), ())

-- organization_keys
-- The most used keys with their requests, and a bound: no other key has more requests. Candidates are the most used keys
-- of each day, with `floor` as the bound of that day. A candidate that cannot reach the last place is not summed up.
-- Parameters by name: organization_id; since and until, days (UTC); limit; of_day, the number of candidates of a day
with busiest as materialized (
    select d.day, t.key_id, t.requests, t.place
    from generate_series(%(since)s::date, %(until)s::date, interval '1 day') as d (day)
    cross join lateral (
        select key_id, requests, row_number() over () as place
        from (
            select key_id, requests from key_usage_days
            where organization_id = %(organization_id)s and day = d.day::date
            order by requests desc
            limit %(of_day)s
        ) as ordered
    ) as t
), floors as (
    select day, coalesce(max(requests) filter (where place = %(of_day)s), 0) as floor from busiest group by day
), candidates as materialized (
    select key_id, sum(requests) as least,
           sum(requests - floor) + (select sum(floor) from floors) as most
    from busiest join floors using (day)
    group by key_id
), sums as (
    select key_id, (
        select sum(requests) from key_usage_days u
        where u.key_id = c.key_id and u.day between %(since)s and %(until)s
    )::bigint as requests
    from candidates c
    where most >= coalesce((select least from candidates order by least desc offset %(limit)s - 1 limit 1), 0)
), listed as (
    select key_id, requests from sums order by requests desc, key_id limit %(limit)s
)
select key_id, name, requests, coalesce((select sum(floor) from floors), 0)::bigint
from listed left join key_list using (key_id)
order by requests desc, key_id

-- creators_keys
-- The most used keys of a creator. Parameters by name: organization_id; created_by; since and until, days (UTC); limit
select key_id, name, requests
from (
    select key_id, name, (
        select sum(requests) from key_usage_days u
        where u.key_id = k.key_id and u.day between %(since)s and %(until)s
    )::bigint as requests
    from key_list k
    where organization_id = %(organization_id)s and created_by = %(created_by)s
) as used
where requests is not null
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
