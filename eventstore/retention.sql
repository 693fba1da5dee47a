-- days
-- The days for which the usage log has a partition, oldest first.
select to_date(right(p.relid::regclass::text, 8), 'YYYYMMDD')
from pg_partition_tree('usage_events') as p
where p.isleaf and p.relid <> 'usage_events'::regclass
order by 1

-- claim
-- True if no other process removes uses. The claim ends with the connection.
select pg_try_advisory_lock(hashtext('usage_retention'))

-- summary
-- The content of a day in the log, by lane. $1 a day (UTC)
select lane, first_batch, last_batch, batches, events, bodies_sha256 from usage_day_summary(%s::date)

-- uses
-- The uses of a day in the order of the log. $1 the first instant of the day, $2 the first instant of the next day
select lane, batch_no, ordinal, occurred_at, body from usage_events
where occurred_at >= %s and occurred_at < %s
order by lane, batch_no, ordinal

-- remove
-- Removes a day, or raises KL003. $1 day, $2 lanes, $3 events of each, $4 their digests, $5 names of the read models
-- that must have applied it, $6 name of the export or null, $7 its SHA-256 or null, $8 now
select usage_day_remove(%s::date, %s::smallint[], %s::bigint[], %s::bytea[], %s::text[], %s, %s::bytea, %s)

-- removal
-- The ledger entries of a day. $1 the day
select r.events, r.export, r.export_sha256, l.lane, l.first_batch, l.last_batch, l.batches, l.events, l.bodies_sha256
from usage_removals r left join usage_removal_lanes l using (day)
where r.day = %s
order by l.lane

-- removed
-- The number of removed days, the first and the last of them, and the number of their uses.
select count(*), min(day), max(day), coalesce(sum(events), 0)::bigint from usage_removals

-- hold
-- Prevents removals until the end of the transaction.
select usage_removals_hold()

-- removals_wrong
-- Lanes of removed days whose batches differ from the ledger.
select day, lane, coalesce(kept.events, 0), coalesce(recorded.events, 0)
from usage_removal_lanes as kept
full join (
    select (b.occurred_at at time zone 'UTC')::date as day, b.lane, min(b.batch_no) as first_batch,
           max(b.batch_no) as last_batch, count(*) as batches, sum(b.size)::bigint as events
    from usage_batches b
    where (b.occurred_at at time zone 'UTC')::date in (select r.day from usage_removals r)
    group by 1, 2
) as recorded using (day, lane)
where (kept.first_batch, kept.last_batch, kept.batches, kept.events)
    is distinct from (recorded.first_batch, recorded.last_batch, recorded.batches, recorded.events)
order by day, lane
limit 50

-- removal_sums_wrong
-- Removed days whose number of uses differs from the sum over their lanes.
select r.day, r.events, coalesce(sum(l.events), 0)::bigint
from usage_removals r left join usage_removal_lanes l using (day)
group by r.day, r.events
having r.events <> coalesce(sum(l.events), 0)
order by r.day
limit 50
