-- refusals_and_ends_by_hour
-- Refused uses of a key by reason, and ended calls with the code '', by hour. Parameters by name: key_id; since
-- (inclusive) and until (exclusive), instants
select hour, case when kind = 'used' then code else '' end as reason, sum(events)::bigint
from usage_counts
where key_id = %(key_id)s and hour >= %(since)s and hour < %(until)s and action in ('verify', 'check', 'call')
  and (kind = 'completed' or code <> 'valid')
group by 1, 2

-- refusals_by_day
-- Refused uses of a key by day and reason. Parameters by name: key_id; first and last, days (UTC)
select day, code, denied
from key_refusal_days
where key_id = %(key_id)s and day between %(first)s and %(last)s

-- latencies_by_day
-- Histograms of a key: ended calls by day and bucket. Parameters by name: key_id; first and last, days (UTC)
select day, bucket, sum(calls)::bigint
from usage_days, unnest(latencies) with ordinality as histogram (calls, bucket)
where key_id = %(key_id)s and day between %(first)s and %(last)s and calls is not null
group by 1, 2
