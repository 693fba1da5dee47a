-- hours_apply
-- Adds the uses and the ends of calls in some batches of a lane, and returns their number. The rows of a table are locked
-- in the order of their keys, and the tables in the order below, so that two lanes wait for each other without a
-- deadlock. Parameters by name: as those of usage_apply.
with events as not materialized (
    select date_bin(
               '1 hour',
               -- Reading the instant from an id is slow, and ids are in the order of time; see usage_apply.
               case when call_id >= %(first_id)s then occurred_at else least(occurred_at, instant_of_id(call_id)) end,
               timestamptz 'epoch'
           ) as hour,
           coalesce(organization_id, '') as organization_id,
           case when code = any(%(unlooked)s) then '' else coalesce(left(mcp_id, 64), '') end as mcp_id,
           action,
           case when kind = 'used' then code else 'valid' end as code,
           kind = 'used' as is_use,
           kind = 'completed' and code = 'error' as has_failed,
           case when kind = 'completed' then width_bucket(greatest(latency_ms, 0), %(bounds)s::int[]) end as bucket
    from usage_events
    where lane = %(lane)s and batch_no between %(first)s and %(last)s
      and occurred_at between %(since)s and %(until)s
), grouped as (
    select organization_id, hour, mcp_id, action, code, bucket, count(*) as events,
           count(*) filter (where is_use) as uses, count(*) filter (where has_failed) as failed
    from events
    group by organization_id, hour, mcp_id, action, code, bucket
), summed as materialized (
    select organization_id, hour, mcp_id, action, code,
           sum(events) as events, sum(uses) as uses, sum(failed) as failed,
           coalesce(
               histogram(
                   array_agg(bucket) filter (where bucket is not null),
                   array_agg(events) filter (where bucket is not null)
               ),
               '{null}'
           ) as latencies
    from grouped
    group by organization_id, hour, mcp_id, action, code
), added as (
    insert into organization_usage_hours as h (
        organization_id, hour, mcp_id, action, code, uses, failed, latencies
    )
    select organization_id, hour, mcp_id, action, code, uses, failed, latencies
    from summed
    order by organization_id, hour, mcp_id, action, code
    on conflict (organization_id, hour, mcp_id, action, code) do update
    set uses = h.uses + excluded.uses, failed = h.failed + excluded.failed,
        latencies = histogram_sum(h.latencies, excluded.latencies)
    returning 1
), of_all_servers as (
    select organization_id, hour, action, code, sum(uses) as uses, sum(failed) as failed,
           coalesce(
               histogram(
                   array_agg(bucket) filter (where bucket is not null),
                   array_agg(events) filter (where bucket is not null)
               ),
               '{null}'
           ) as latencies
    from (
        select organization_id, hour, action, code, bucket,
               sum(events)::bigint as events, sum(uses) as uses, sum(failed) as failed
        from grouped
        group by organization_id, hour, action, code, bucket
    ) as buckets
    group by organization_id, hour, action, code
), totals as (
    insert into organization_hour_totals as t (organization_id, hour, action, code, uses, failed, latencies)
    select organization_id, hour, action, code, uses, failed, latencies
    from of_all_servers
    where (select count(*) from added) >= 0
    order by organization_id, hour, action, code
    on conflict (organization_id, hour, action, code) do update
    set uses = t.uses + excluded.uses, failed = t.failed + excluded.failed,
        latencies = histogram_sum(t.latencies, excluded.latencies)
    returning 1
), refusals as (
    insert into organization_refusal_days as r (organization_id, day, code, denied)
    select organization_id, (hour at time zone 'UTC')::date as day, code, sum(uses)
    from grouped
    where code <> 'valid' and action in ('verify', 'check', 'call') and (select count(*) from totals) >= 0
    group by organization_id, day, code
    order by organization_id, day, code
    on conflict (organization_id, day, code) do update set denied = r.denied + excluded.denied
)
select coalesce(sum(events), 0)::bigint from summed

-- hours_of
-- What an organization was used for on one MCP server, summed up by hour or by day and by what the report distinguishes.
-- Parameters by name: organization_id; unit, 'hour' or 'day' (UTC); mcp_id; since (inclusive) and until (exclusive)
select date_trunc(%(unit)s, hour, 'UTC') as start, code, sum(uses)::bigint, sum(failed)::bigint
from organization_usage_hours
where organization_id = %(organization_id)s and hour >= %(since)s and hour < %(until)s
  and action in ('verify', 'check', 'call') and mcp_id = %(mcp_id)s
group by 1, 2
order by 1, 2

-- latencies_of
-- The histogram of the calls of each hour: by bucket, their number or null. Parameters by name, as above without unit.
select hour, latencies
from organization_usage_hours
where organization_id = %(organization_id)s and hour >= %(since)s and hour < %(until)s
  and code = 'valid' and action = 'call' and mcp_id = %(mcp_id)s

-- totals_of
-- As hours_of, for all MCP servers. Parameters by name, as above without mcp_id.
select date_trunc(%(unit)s, hour, 'UTC') as start, code, sum(uses)::bigint, sum(failed)::bigint
from organization_hour_totals
where organization_id = %(organization_id)s and hour >= %(since)s and hour < %(until)s
  and action in ('verify', 'check', 'call')
group by 1, 2
order by 1, 2

-- total_latencies_of
-- As latencies_of, for all MCP servers. Parameters by name, as above.
select hour, latencies
from organization_hour_totals
where organization_id = %(organization_id)s and hour >= %(since)s and hour < %(until)s
  and code = 'valid' and action = 'call'

-- refusals_of
-- The refusals of an organization by day (UTC) and error code, for all MCP servers. Parameters by name: organization_id;
-- since and until, the first and the last day
select day, code, denied from organization_refusal_days
where organization_id = %(organization_id)s and day between %(since)s and %(until)s
