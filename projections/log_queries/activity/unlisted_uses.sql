-- As listed_uses.sql, but from all batches of the stretch: those of other organizations are read, and left out.
with found as (
    select e.* from usage_batches b
    join usage_events e on e.lane = b.lane and e.batch_no = b.batch_no and e.occurred_at = b.occurred_at
    where b.occurred_at >= %(since)s and b.occurred_at < %(until)s
)
\ir of_organization.sql
