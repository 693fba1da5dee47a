-- lanes_differing
-- Lanes whose counts and batches differ up to the checkpoint, without skipped positions. $1 projection, $2 log
select lane, coalesce(counted.events, 0), coalesce(recorded.events, 0), coalesce(recorded.position, 0)
from (select lane, sum(events) as events from usage_counts group by lane) as counted
full join (
    select lane, c.position, sum(b.size) as events
    from checkpoints c join usage_batches b using (lane)
    where c.projection = %s and c.log = %s and c.place = 'public' and b.batch_no <= c.position
      and not exists (
          select from skipped_positions s
          where (s.projection, s.log, s.lane, s.position) = (c.projection, c.log, b.lane, b.batch_no)
      )
    group by lane, c.position
) as recorded using (lane)
where counted.events is distinct from recorded.events
order by lane

-- keys_differing
-- Keys whose requests differ between hours, days and total.
select key_id, coalesce(h.requests, 0), coalesce(d.requests, 0), coalesce(k.total_requests, 0)
from (
    select key_id, sum(events) as requests from usage_counts
    where key_id <> '' and kind = 'used' and code = 'valid' and action in ('verify', 'check', 'call')
    group by key_id
) as h
full join (select key_id, sum(requests) as requests from key_usage_days group by key_id) as d using (key_id)
full join (select key_id, total_requests from key_usage where total_requests > 0) as k using (key_id)
where h.requests is distinct from d.requests or d.requests is distinct from k.total_requests
order by key_id
limit 50

-- mcps_differing
-- MCP servers whose requests differ between hours, days and total.
select mcp_id, coalesce(h.requests, 0), coalesce(d.requests, 0), coalesce(m.total_requests, 0)
from (
    select mcp_id, sum(events) as requests from usage_counts
    where mcp_id <> '' and key_id <> '' and kind = 'used' and code = 'valid' and action in ('verify', 'check', 'call')
    group by mcp_id
) as h
full join (select mcp_id, sum(requests) as requests from mcp_usage_days group by mcp_id) as d using (mcp_id)
full join mcp_usage as m using (mcp_id)
where h.requests is distinct from d.requests or d.requests is distinct from m.total_requests
order by mcp_id
limit 50

-- key_days_differing
-- Keys whose days differ between the sum over tools and the total.
select key_id, day, coalesce(u.requests, 0), coalesce(d.requests, 0)
from (select key_id, day, sum(requests) as requests from usage_days group by key_id, day having sum(requests) > 0) as u
full join key_usage_days d using (key_id, day)
where u.requests is distinct from d.requests
order by key_id, day
limit 50

-- refusals_differing
-- Days of a key whose refusals by reason differ from those by tool.
select key_id, day, coalesce(u.denied, 0), coalesce(r.denied, 0)
from (select key_id, day, sum(denied) as denied from usage_days group by key_id, day having sum(denied) > 0) as u
full join (select key_id, day, sum(denied) as denied from key_refusal_days group by key_id, day) as r using (key_id, day)
where u.denied is distinct from r.denied
order by key_id, day
limit 50

-- organization_days_differing
-- Organizations whose days differ from the sum over their keys.
select organization_id, day, mcp_id
from (
    select organization_id, day, mcp_id, sum(requests) as requests, sum(denied) as denied, sum(failed) as failed
    from usage_days group by organization_id, day, mcp_id
) as u
full join organization_usage_days o using (organization_id, day, mcp_id)
where (u.requests, u.denied, u.failed) is distinct from (o.requests::numeric, o.denied::numeric, o.failed::numeric)
order by organization_id, day, mcp_id
limit 50

-- latencies_differing
-- Days of a key whose number of latencies differs from the number of ended calls, by MCP and tool.
select key_id, day, mcp_id, tool, coalesce(c.calls, 0), coalesce(l.calls, 0)
from (
    select key_id, (hour at time zone 'UTC')::date as day, mcp_id, tool, sum(events) as calls
    from usage_counts
    where kind = 'completed' and key_id <> ''
    group by 1, 2, 3, 4
) as c
full join (
    select key_id, day, mcp_id, tool, sum(calls) as calls
    from usage_days, unnest(latencies) as histogram (calls)
    where calls is not null
    group by 1, 2, 3, 4
) as l using (key_id, day, mcp_id, tool)
where c.calls is distinct from l.calls
order by key_id, day, mcp_id, tool
limit 50
