-- refusals_and_ends
-- Refused uses of a key by reason, and ended calls with the code '', by hour or by day. Parameters by name: key_id; unit,
-- 'hour' or 'day' (UTC); since (inclusive) and until (exclusive), instants
select date_trunc(%(unit)s, hour, 'UTC') as start, case when kind = 'used' then code else '' end as reason,
       sum(events)::bigint
from usage_counts
where key_id = %(key_id)s and hour >= %(since)s and hour < %(until)s and action in ('verify', 'check', 'call')
  and (kind = 'completed' or code <> 'valid')
group by 1, 2

-- latencies_by_day
-- Histograms of a key: ended calls by day and bucket. Parameters by name: key_id; first and last, days (UTC)
select day, bucket, sum(calls)::bigint
from usage_days, unnest(latencies) with ordinality as histogram (calls, bucket)
where key_id = %(key_id)s and day between %(first)s and %(last)s and calls is not null
group by 1, 2
