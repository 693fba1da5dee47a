-- The uses of an organization in a stretch of time, from the batches that organization_batches lists. Parameters by name:
-- organization_id; since (inclusive), until (exclusive); those of `of_organization.sql`
with found as (
    select e.* from organization_batches b
    join usage_events e on e.lane = b.lane and e.batch_no = b.batch_no and e.ordinal = any(b.ordinals)
                       and e.occurred_at = b.occurred_at
    where b.organization_id = %(organization_id)s and b.occurred_at >= %(since)s and b.occurred_at < %(until)s
)
\ir of_organization.sql
