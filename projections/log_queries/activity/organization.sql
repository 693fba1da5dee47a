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

-- listed_uses
-- The uses of an organization that match, in a stretch of time in which organization_batches lists all batches, in the
-- order of time or, unless `ascending`, in the opposite order. Parameters by name: those of the included files, limit.
\ir listed_uses.sql
\ir matching.sql
\ir in_direction.sql

-- listed_uses_by_end
-- As listed_uses, with the filters that need the ends of calls.
\ir listed_uses.sql
\ir matching_ends.sql
\ir in_direction.sql

-- unlisted_uses
-- As listed_uses, but of all batches of the stretch.
\ir unlisted_uses.sql
\ir matching.sql
\ir in_direction.sql

-- unlisted_uses_by_end
-- As listed_uses_by_end, but of all batches of the stretch.
\ir unlisted_uses.sql
\ir matching_ends.sql
\ir in_direction.sql

-- is_created_by
-- Whether a user created a key. $1 key, $2 organization, $3 user
select true from key_list where key_id = %s and organization_id = %s and created_by = %s
