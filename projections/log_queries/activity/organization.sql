-- hours
-- The hours in which an organization has uses, newest first, as far as they are counted. Parameters by name:
-- organization_id; since (null: no bound) and until, limit
select distinct hour from organization_usage_hours
where organization_id = %(organization_id)s and uses > 0
  and hour > coalesce(%(since)s::timestamptz - interval '1 hour', '-infinity') and hour < %(until)s
order by hour desc
limit %(limit)s

-- hours_after
-- The same hours, oldest first. Parameters by name, as above.
select distinct hour from organization_usage_hours
where organization_id = %(organization_id)s and uses > 0
  and hour > coalesce(%(since)s::timestamptz - interval '1 hour', '-infinity') and hour < %(until)s
order by hour
limit %(limit)s

-- uncounted
-- The number of lanes in which counting by hour has begun, and the instant of the oldest batch that is not counted yet.
-- $1 projection
select count(*), min(b.occurred_at)
from checkpoints c left join usage_batches b on b.lane = c.lane and b.batch_no = c.position + 1
where c.projection = %s and c.place = 'public' and c.log = 'usage'

-- uses
-- The uses of an organization in some batches, in the order of time or, unless `ascending`, in the opposite order. The
-- batches are read in that order up to about `scan` uses of all organizations, and never only some batches of an
-- instant. If other batches follow, the last row is the instant of the last batch that was read, without a body.
-- Parameters by name: organization_id; created_by, null for all keys; since (inclusive) and until (exclusive); ascending;
-- last_at and last_id, the use before the first one; limit, scan; the filters, null: any
with batches as (
    (
        select lane, batch_no, occurred_at,
               coalesce(sum(size) over (
                   order by occurred_at desc groups between unbounded preceding and 1 preceding
               ), 0) as before
        from (
            select lane, batch_no, occurred_at, size from usage_batches
            where not %(ascending)s::boolean and occurred_at >= %(since)s and occurred_at < %(until)s
              and occurred_at <= %(last_at)s::timestamptz
            order by occurred_at desc
            limit %(scan)s::bigint + 64
        ) as newest
    ) union all (
        select lane, batch_no, occurred_at,
               coalesce(sum(size) over (order by occurred_at groups between unbounded preceding and 1 preceding), 0)
        from (
            select lane, batch_no, occurred_at, size from usage_batches
            where %(ascending)s::boolean and occurred_at >= %(since)s and occurred_at < %(until)s
              and occurred_at >= %(last_at)s::timestamptz
            order by occurred_at
            limit %(scan)s::bigint + 64
        ) as oldest
    )
), searched as (
    select u.occurred_at, u.event_id, u.action, u.code, u.mcp_id, u.tool, u.secret_version, u.body
    from batches b
    join usage_events u on u.lane = b.lane and u.batch_no = b.batch_no and u.occurred_at = b.occurred_at
    where b.before < %(scan)s and u.organization_id = %(organization_id)s and u.kind = 'used'
      and u.occurred_at >= %(since)s and u.occurred_at < %(until)s
      and case when %(ascending)s then (u.occurred_at, u.event_id) > (%(last_at)s::timestamptz, %(last_id)s::text)
               else (u.occurred_at, u.event_id) < (%(last_at)s::timestamptz, %(last_id)s::text) end
      and (%(created_by)s::text is null or exists (
          select from key_list k where k.key_id = u.key_id and k.created_by = %(created_by)s
      ))
)
(
    select occurred_at, event_id, body from searched u
    where (%(action)s::text is null or action = %(action)s)
      and (%(mcp_id)s::text is null or mcp_id = %(mcp_id)s)
      and (%(tool)s::text is null or tool = %(tool)s)
      and (%(secret_version)s::int is null or secret_version = %(secret_version)s)
      and (%(ip)s::text is null or convert_from(body, 'UTF8')::json ->> 'ip' = %(ip)s)
      -- The end of a call is looked up only if it decides. Its time bounds the partitions that are searched.
      and (%(status)s::text is null or %(status)s = case
          when code <> 'valid' then 'denied'
          when %(status)s = 'denied' then ''
          when action <> 'call' then 'success'
          else coalesce((
              select c.code from usage_events c
              where c.call_id = u.event_id
                and c.occurred_at > u.occurred_at - interval '1 hour' and c.occurred_at < u.occurred_at + interval '1 day'
          ), 'started') end)
      and (%(reason)s::text is null or %(reason)s = case
          when code <> 'valid' then code
          when action <> 'call' then ''
          else (
              select convert_from(c.body, 'UTF8')::json ->> 'error' from usage_events c
              where c.call_id = u.event_id
                and c.occurred_at > u.occurred_at - interval '1 hour' and c.occurred_at < u.occurred_at + interval '1 day'
          ) end)
    order by case when %(ascending)s then occurred_at end, case when %(ascending)s then event_id end,
             occurred_at desc, event_id desc
    limit %(limit)s
)
union all (
    select case when %(ascending)s then max(occurred_at) else min(occurred_at) end, '', null from batches
    where before < %(scan)s
    having (select count(*) from batches where before >= %(scan)s) > 0
        or (select count(*) from batches) >= %(scan)s::bigint + 64
)
