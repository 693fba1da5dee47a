-- organization_keys
-- The most used keys with their requests, and a bound: no other key has more requests. Candidates are the most used
-- keys of each day (UTC) with any hour of the span, with `floor` as the bound of that day. The whole days alone are the
-- least that a candidate can have. One that cannot reach the last place is not summed up. Without `materialized`, the
-- filter of `listed` would sum up each candidate again. Parameters by name: organization_id; limit; of_day, the number
-- of candidates of a day; those of _span_parameters
with busiest as materialized (
    select d.day::date as day, t.key_id, t.requests, t.place
    from generate_series(%(covering_first)s::date, %(covering_last)s::date, interval '1 day') as d (day)
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
    select key_id, coalesce(sum(requests) filter (where day between %(first)s and %(last)s), 0) as least,
           sum(requests - floor) + (select sum(floor) from floors) as most
    from busiest join floors using (day)
    group by key_id
), sums as materialized (
    select key_id, (
        select coalesce(sum(requests), 0) from key_usage_days u
        where u.key_id = c.key_id and u.day between %(first)s and %(last)s
    )::bigint + case when %(only_whole_days)s then 0 else (
        select coalesce(sum(events), 0) from usage_counts u
        where u.key_id = c.key_id and u.kind = 'used' and u.code = 'valid' and u.action in ('verify', 'check', 'call')
          and (u.hour >= %(since)s and u.hour < %(opening_until)s or u.hour >= %(closing_since)s and u.hour < %(until)s)
    ) end::bigint as requests
    from candidates c
    where most >= coalesce((select least from candidates order by least desc offset %(limit)s - 1 limit 1), 0)
), listed as (
    select key_id, requests from sums where requests > 0 order by requests desc, key_id limit %(limit)s
)
select key_id, name, requests, coalesce((select sum(floor) from floors), 0)::bigint
from listed left join key_list using (key_id)
order by requests desc, key_id

-- creators_keys
-- The most used keys of a creator. Parameters by name: organization_id; created_by; limit; those of _span_parameters
with used as materialized (
    select key_id, name, (
        select coalesce(sum(requests), 0) from key_usage_days u
        where u.key_id = k.key_id and u.day between %(first)s and %(last)s
    )::bigint + case when %(only_whole_days)s then 0 else (
        select coalesce(sum(events), 0) from usage_counts u
        where u.key_id = k.key_id and u.kind = 'used' and u.code = 'valid' and u.action in ('verify', 'check', 'call')
          and (u.hour >= %(since)s and u.hour < %(opening_until)s or u.hour >= %(closing_since)s and u.hour < %(until)s)
    ) end::bigint as requests
    from key_list k
    where organization_id = %(organization_id)s and created_by = %(created_by)s
      and exists (
          select from key_usage_days u
          where u.key_id = k.key_id and u.day between %(covering_first)s and %(covering_last)s
      )
)
select key_id, name, requests
from used
where requests > 0
order by requests desc, key_id
limit %(limit)s
