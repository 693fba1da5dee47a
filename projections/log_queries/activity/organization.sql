-- listed
-- The number of lanes in which listing in organization_batches has begun, the instant of the oldest batch that is not
-- listed yet, and the end of the last day whose uses were removed. $1 projection
select count(*), min(b.occurred_at),
       (select (max(day) + 1)::timestamp at time zone 'UTC' from usage_removals where day <= current_date)
from checkpoints c left join usage_batches b on b.lane = c.lane and b.batch_no = c.position + 1
where c.projection = %s and c.place = 'public' and c.log = 'usage'

-- scan_end
-- The instant of the last batch to read, so that about `scan` uses are read in the order of time or, unless `ascending`,
-- in the opposite order, and whether others follow. If `listed`, these are uses of the organization, otherwise of all.
-- Never only some batches of an instant are read, and 64 lanes can have one at the same instant. Parameters by name:
-- organization_id, listed, ascending, scan, since (inclusive), until (exclusive)
with batches as (
    (
        select occurred_at, cardinality(ordinals) as size from organization_batches
        where %(listed)s::boolean and not %(ascending)s::boolean and organization_id = %(organization_id)s
          and occurred_at >= %(since)s and occurred_at < %(until)s
        order by occurred_at desc
        limit %(scan)s::bigint + 64
    ) union all (
        select occurred_at, cardinality(ordinals) from organization_batches
        where %(listed)s::boolean and %(ascending)s::boolean and organization_id = %(organization_id)s
          and occurred_at >= %(since)s and occurred_at < %(until)s
        order by occurred_at
        limit %(scan)s::bigint + 64
    ) union all (
        select occurred_at, size from usage_batches
        where not %(listed)s::boolean and not %(ascending)s::boolean
          and occurred_at >= %(since)s and occurred_at < %(until)s
        order by occurred_at desc
        limit %(scan)s::bigint + 64
    ) union all (
        select occurred_at, size from usage_batches
        where not %(listed)s::boolean and %(ascending)s::boolean
          and occurred_at >= %(since)s and occurred_at < %(until)s
        order by occurred_at
        limit %(scan)s::bigint + 64
    )
), summed as (
    select occurred_at,
           coalesce(sum(size) over (
               order by case when %(ascending)s then occurred_at end, occurred_at desc
               groups between unbounded preceding and 1 preceding
           ), 0) < %(scan)s as is_read
    from batches
)
select case when %(ascending)s then max(occurred_at) filter (where is_read)
            else min(occurred_at) filter (where is_read) end,
       coalesce(bool_or(not is_read), false) or count(*) >= %(scan)s::bigint + 64
from summed

-- uses
-- The uses of an organization that match, in the order of time or, unless `ascending`, in the opposite order, from the
-- batches of a stretch of time. If `listed`, only the uses of the organization are read. Parameters by name:
-- organization_id; created_by, null for all keys; listed; since (inclusive) and until (exclusive); ascending; last_at and
-- last_id, the use before the first one; limit; the filters, null: any
with searched as (
    select occurred_at, event_id, action, code, mcp_id, tool, secret_version, body
    from (
        select e.* from organization_batches b
        join usage_events e on e.lane = b.lane and e.batch_no = b.batch_no and e.ordinal = any(b.ordinals)
                           and e.occurred_at = b.occurred_at
        where %(listed)s::boolean and b.organization_id = %(organization_id)s
          and b.occurred_at >= %(since)s and b.occurred_at < %(until)s
        union all
        select e.* from usage_batches b
        join usage_events e on e.lane = b.lane and e.batch_no = b.batch_no and e.occurred_at = b.occurred_at
        where not %(listed)s::boolean
          and b.occurred_at >= %(since)s and b.occurred_at < %(until)s
    ) as u
    where organization_id = %(organization_id)s and kind = 'used'
      and occurred_at >= %(since)s and occurred_at < %(until)s
      and case when %(ascending)s::boolean then (occurred_at, event_id) > (%(last_at)s::timestamptz, %(last_id)s::text)
               else (occurred_at, event_id) < (%(last_at)s::timestamptz, %(last_id)s::text) end
      and (%(created_by)s::text is null or exists (
          select from key_list k where k.key_id = u.key_id and k.created_by = %(created_by)s
      ))
)
\ir matching.sql
order by case when %(ascending)s then occurred_at end, case when %(ascending)s then event_id end,
         occurred_at desc, event_id desc
limit %(limit)s

-- is_created_by
-- Whether a user created a key. $1 key, $2 organization, $3 user
select true from key_list where key_id = %s and organization_id = %s and created_by = %s
