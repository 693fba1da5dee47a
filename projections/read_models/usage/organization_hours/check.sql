-- days_differing
-- Organizations and days (UTC) whose counted events differ from the log up to the checkpoint, without skipped
-- positions. The last removed day and those before it are not in the log any more. $1 projection, $2 log
with kept as (
    select (coalesce(max(day), '-infinity') + 1)::timestamp at time zone 'UTC' as since from usage_removals
)
select organization_id, day, coalesce(counted.events, 0), coalesce(recorded.events, 0)
from (
    select organization_id, (hour at time zone 'UTC')::date as day,
           sum(uses + coalesce((select sum(calls) from unnest(latencies) as histogram (calls)), 0)) as events
    from organization_usage_hours, kept
    where hour >= kept.since
    group by 1, 2
) as counted
full join (
    select coalesce(organization_id, '') as organization_id,
           (least(occurred_at, instant_of_id(call_id)) at time zone 'UTC')::date as day, count(*) as events
    from checkpoints c join usage_events e using (lane) cross join kept
    where c.projection = %s and c.log = %s and c.place = 'public' and e.batch_no <= c.position
      and least(occurred_at, instant_of_id(call_id)) >= kept.since
      and not exists (
          select from skipped_positions s
          where (s.projection, s.log, s.lane, s.position) = (c.projection, c.log, e.lane, e.batch_no)
      )
    group by 1, 2
) as recorded using (organization_id, day)
where counted.events is distinct from recorded.events
order by organization_id, day
limit 50

-- totals_differing
-- Organizations and hours whose totals differ from the sums over the MCP servers.
select organization_id, hour, coalesce(t.events, 0), coalesce(h.events, 0)
from (
    select organization_id, hour, action, code, uses, failed,
           uses + coalesce((select sum(calls) from unnest(latencies) as histogram (calls)), 0) as events
    from organization_hour_totals
) as t
full join (
    select organization_id, hour, action, code, sum(uses) as uses, sum(failed) as failed,
           sum(uses + coalesce((select sum(calls) from unnest(latencies) as histogram (calls)), 0)) as events
    from organization_usage_hours
    group by organization_id, hour, action, code
) as h using (organization_id, hour, action, code)
where (t.uses, t.failed, t.events) is distinct from (h.uses, h.failed, h.events)
order by organization_id, hour
limit 50

-- refusals_differing
-- Organizations and days (UTC) whose refusals differ from the sums of the hours.
select organization_id, day, sum(coalesce(r.denied, 0))::bigint, sum(coalesce(h.denied, 0))::bigint
from organization_refusal_days as r
full join (
    select organization_id, (hour at time zone 'UTC')::date as day, code, sum(uses) as denied
    from organization_hour_totals
    where code <> 'valid' and uses > 0 and action in ('verify', 'check', 'call')
    group by 1, 2, 3
) as h using (organization_id, day, code)
where r.denied is distinct from h.denied
group by organization_id, day
order by organization_id, day
limit 50
