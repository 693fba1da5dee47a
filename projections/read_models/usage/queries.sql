-- usage_plan
-- For this transaction: group and join by hashing, in memory. The planner has no statistics of events that were written
-- a moment ago and estimates one row. It would sort them, which takes three times as long, or compare every pair of
-- rows. A page that a slow machine cannot count in time is retried in halves.
select set_config('enable_sort', 'off', true), set_config('enable_nestloop', 'off', true),
       set_config('work_mem', '64MB', true), set_config('statement_timeout', '8s', true)

-- usage_apply
-- Counts the events of some batches of a lane, and returns their number. Each part ends before the next one starts,
-- because the next one reads its row count. Therefore two lanes that count the same keys wait for each other without a
-- deadlock: both lock the tables in this order, and the rows of a table in the order of their keys or of their rows of
-- key_usage or mcp_usage. The largest part, and what belongs to one lane alone, comes first, so that the wait is short.
-- The end of a call belongs to the hour of the use that authorized it, which its id contains. The batch, lane or hour
-- in which it was recorded makes no difference, nor does it matter whether that use was counted before. Parameters by
-- name: lane, first and last (batches), since and until (their instants, which select the partitions), bounds (of the
-- histograms of latencies), first_id (the lowest id that can have been made in the hour of until), unlooked (codes of
-- uses whose MCP was not looked up or does not exist).
with events as not materialized (
    select date_bin(
               '1 hour',
               -- Reading the instant from an id takes as long as the rest of this statement. Ids are in the order of
               -- time.
               case when call_id >= %(first_id)s then occurred_at else least(occurred_at, instant_of_id(call_id)) end,
               timestamptz 'epoch'
           ) as hour,
           coalesce(organization_id, '') as organization_id,
           coalesce(key_id, '') as key_id,
           case when code = any(%(unlooked)s) then '' else coalesce(left(mcp_id, 64), '') end as mcp_id,
           case when code = any(%(unlooked)s) then '' else coalesce(left(tool, 256), '') end collate "C" as tool,
           kind, action, code, secret_version,
           case when kind = 'used' and action = 'verify' then caller_key_id end as caller_key_id,
           caller_version, billed, occurred_at, latency_ms
    from usage_events
    where lane = %(lane)s and batch_no between %(first)s and %(last)s
      and occurred_at between %(since)s and %(until)s
), grouped as materialized (
    select hour, (hour at time zone 'UTC')::date as day,
           organization_id, key_id, mcp_id, tool, kind, action, code, secret_version, caller_key_id, caller_version,
           billed,
           kind = 'used' and code = 'valid' and key_id <> '' as accepted,
           action in ('verify', 'check', 'call') as asked,
           count(*) as events,
           max(occurred_at) as latest,
           coalesce(sum(latency_ms), 0) as latency_ms
    from events
    group by hour, organization_id, key_id, mcp_id, tool, kind, action, code, secret_version, caller_key_id,
             caller_version, billed
), counted as (
    insert into usage_counts as c (
        lane, hour, organization_id, key_id, mcp_id, tool, kind, action, code, events
    )
    select %(lane)s, hour, organization_id, key_id, mcp_id, tool, kind, action, code, sum(events)
    from grouped
    group by hour, organization_id, key_id, mcp_id, tool, kind, action, code
    order by key_id, hour, organization_id, mcp_id, tool, kind, action, code -- neighbors in the index, one after the other
    on conflict (key_id, hour, organization_id, mcp_id, tool, kind, action, code, lane)
    do update set events = c.events + excluded.events
    returning 1
), latencies as materialized (
    select key_id, day, mcp_id, tool, histogram(array_agg(bucket), array_agg(calls)) as latencies
    from (
        select key_id, (hour at time zone 'UTC')::date as day, mcp_id, tool,
               width_bucket(greatest(latency_ms, 0), %(bounds)s::int[]) as bucket, count(*) as calls
        from events
        where latency_ms is not null
        group by 1, 2, 3, 4, 5
    ) as buckets
    group by key_id, day, mcp_id, tool
), outcomes as (
    select organization_id, key_id, day, mcp_id, tool,
           coalesce(sum(events) filter (where accepted), 0) as requests,
           coalesce(sum(events) filter (where kind = 'used' and not accepted), 0) as denied,
           coalesce(sum(events) filter (where kind = 'completed' and code = 'error'), 0) as failed,
           coalesce(sum(events) filter (where billed), 0) as billed
    from grouped
    where key_id <> '' and organization_id <> '' and asked
    group by 1, 2, 3, 4, 5
), key_outcomes as (
    insert into usage_days as u (key_id, day, mcp_id, tool, organization_id, requests, denied, failed, latencies)
    select key_id, day, mcp_id, tool, o.organization_id, o.requests, o.denied, o.failed, coalesce(l.latencies, '{null}')
    from (
        select key_id, day, mcp_id, tool, min(organization_id) as organization_id,
               sum(requests) as requests, sum(denied) as denied, sum(failed) as failed
        from outcomes
        group by key_id, day, mcp_id, tool
    ) as o left join latencies l using (key_id, day, mcp_id, tool)
    where (select count(*) from counted) > 0
    order by key_id, day, mcp_id, tool
    on conflict (key_id, day, mcp_id, tool) do update
    set requests = u.requests + excluded.requests, denied = u.denied + excluded.denied,
        failed = u.failed + excluded.failed, latencies = histogram_sum(u.latencies, excluded.latencies)
    returning 1
), refusals as (
    insert into key_refusal_days as r (key_id, day, code, organization_id, denied)
    select key_id, day, code, min(organization_id), sum(events)
    from grouped
    where key_id <> '' and organization_id <> '' and asked and kind = 'used' and code <> 'valid'
      and (select count(*) from key_outcomes) >= 0
    group by key_id, day, code
    order by key_id, day, code
    on conflict (key_id, day, code) do update set denied = r.denied + excluded.denied
    returning 1
), keys as (
    insert into key_usage as k (key_id, organization_id, total_requests, last_used)
    select key_id, min(organization_id), sum(requests), max(latest)
    from (
        select key_id, organization_id, case when asked then events else 0 end as requests, latest
        from grouped where accepted
        union all
        select caller_key_id, organization_id, 0, latest from grouped
        where caller_key_id is not null and organization_id <> ''
    ) as touched
    where (select count(*) from refusals) >= 0
    group by key_id
    order by key_id
    on conflict (key_id) do update
    set total_requests = k.total_requests + excluded.total_requests,
        last_used = greatest(k.last_used, excluded.last_used)
    returning 1
), days as (
    insert into key_usage_days as d (key_id, organization_id, day, requests)
    select key_id, min(organization_id), day, sum(events)
    from grouped
    where accepted and asked and (select count(*) from keys) > 0
    group by key_id, day
    on conflict (key_id, day) do update set requests = d.requests + excluded.requests
), secrets as (
    insert into key_secret_usage as s (key_id, organization_id, secret_version, last_used)
    select key_id, min(organization_id), secret_version, max(latest)
    from (
        select key_id, organization_id, secret_version, latest from grouped where accepted and secret_version is not null
        union all
        select caller_key_id, organization_id, caller_version, latest from grouped
        where caller_version is not null and caller_key_id is not null and organization_id <> ''
    ) as touched
    where (select count(*) from keys) > 0
    group by key_id, secret_version
    on conflict (key_id, secret_version) do update set last_used = greatest(s.last_used, excluded.last_used)
), mcps as (
    insert into mcp_usage as m (mcp_id, organization_id, total_requests, last_active)
    select mcp_id, min(organization_id), sum(events), max(latest)
    from grouped
    where accepted and mcp_id <> '' and asked and (select count(*) from keys) > 0
    group by mcp_id
    order by mcp_id
    on conflict (mcp_id) do update
    set total_requests = m.total_requests + excluded.total_requests,
        last_active = greatest(m.last_active, excluded.last_active)
    returning 1
), mcp_days as (
    insert into mcp_usage_days as d (mcp_id, organization_id, day, requests)
    select mcp_id, min(organization_id), day, sum(events)
    from grouped
    where accepted and mcp_id <> '' and asked and (select count(*) from mcps) > 0
    group by mcp_id, day
    on conflict (mcp_id, day) do update set requests = d.requests + excluded.requests
), calls as (
    -- Also for a page that contains only ends of calls: only the order of the locks depends on the part before.
    insert into mcp_calls as c (mcp_id, organization_id, completed, failed, latency_ms)
    select mcp_id, min(organization_id), sum(events), coalesce(sum(events) filter (where code = 'error'), 0), sum(latency_ms)
    from grouped
    where kind = 'completed' and mcp_id <> '' and (select count(*) from mcps) >= 0
    group by mcp_id
    order by mcp_id
    on conflict (mcp_id) do update
    set completed = c.completed + excluded.completed, failed = c.failed + excluded.failed,
        latency_ms = c.latency_ms + excluded.latency_ms
    returning 1
), organization_outcomes as (
    insert into organization_usage_days as o (organization_id, day, mcp_id, requests, denied, failed, billed)
    select organization_id, day, mcp_id, sum(requests), sum(denied), sum(failed), sum(billed)
    from outcomes
    where (select count(*) from calls) >= 0
    group by 1, 2, 3
    order by 1, 2, 3
    on conflict (organization_id, day, mcp_id) do update
    set requests = o.requests + excluded.requests, denied = o.denied + excluded.denied,
        failed = o.failed + excluded.failed, billed = o.billed + excluded.billed
)
select coalesce(sum(events), 0)::bigint from grouped

-- events_kept
-- The number of events that some batches of a lane declare, without those of removed days. Parameters by name: lane,
-- first and last (batches)
select coalesce(sum(size), 0)::bigint from usage_batches
where lane = %(lane)s and batch_no between %(first)s and %(last)s
  and not exists (select from usage_removals where day = (occurred_at at time zone 'UTC')::date)

-- usage_of
-- Totals of those keys that were ever used. Parameters by name: key_ids; today, and the first days (UTC) of the week
-- and the month that contain today.
select k.key_id, k.total_requests, k.last_used,
       coalesce(sum(d.requests) filter (where d.day = %(today)s), 0)::bigint,
       coalesce(sum(d.requests) filter (where d.day >= %(week)s), 0)::bigint,
       coalesce(sum(d.requests) filter (where d.day >= %(month)s), 0)::bigint
from key_usage k
left join key_usage_days d on d.key_id = k.key_id and d.day between least(%(week)s::date, %(month)s::date) and %(today)s
where k.key_id = any(%(key_ids)s)
group by k.key_id

-- requests_by_day
-- The days of a period on which keys had accepted requests. Parameters by name: key_ids; first and last (UTC).
select key_id, day, requests from key_usage_days
where key_id = any(%(key_ids)s) and day between %(first)s and %(last)s

-- mcp_usage_of
-- Totals of those MCP servers that were ever requested. $1 MCPs
select mcp_id, total_requests, last_active from mcp_usage where mcp_id = any(%s::text[])

-- mcp_stats
-- Call statistics of an MCP server, and its requests of today. Parameters by name: mcp_id; today (UTC)
select coalesce((select total_requests from mcp_usage where mcp_id = %(mcp_id)s), 0),
       coalesce((select requests from mcp_usage_days where mcp_id = %(mcp_id)s and day = %(today)s), 0),
       c.completed, c.failed, c.latency_ms
from (select) as one left join mcp_calls c on c.mcp_id = %(mcp_id)s

-- secrets_last_used
-- The last use of each secret of a key. $1 key
select secret_version, last_used from key_secret_usage where key_id = %s

-- earlier_secrets_last_used
-- The last use of some secrets of keys. Keys without such a use are left out. $1 keys, $2 the versions, each with its key
select s.key_id, max(s.last_used)
from unnest(%s::text[], %s::integer[]) as k (key_id, version)
join key_secret_usage s on s.key_id = k.key_id and s.secret_version = k.version
group by s.key_id
