-- batches_differing
-- Batches in which the listed positions of the uses of an organization differ from the log up to the checkpoint, without
-- skipped positions. The last removed day and those before it are not in the log any more. $1 projection, $2 log
with kept as (
    select (coalesce(max(day), '-infinity') + 1)::timestamp at time zone 'UTC' as since from usage_removals
)
select organization_id, lane, batch_no, coalesce(listed.ordinals, '{}'), coalesce(logged.ordinals, '{}')
from (
    select organization_id, occurred_at, lane, batch_no, ordinals from organization_batches, kept
    where occurred_at >= kept.since
) as listed
full join (
    select organization_id, e.occurred_at, lane, e.batch_no, array_agg(e.ordinal order by e.ordinal) as ordinals
    from checkpoints c join usage_events e using (lane) cross join kept
    where c.projection = %s and c.log = %s and c.place = 'public' and e.batch_no <= c.position
      and e.kind = 'used' and organization_id is not null and e.occurred_at >= kept.since
      and not exists (
          select from skipped_positions s
          where (s.projection, s.log, s.lane, s.position) = (c.projection, c.log, e.lane, e.batch_no)
      )
    group by 1, 2, 3, 4
) as logged using (organization_id, occurred_at, lane, batch_no)
where listed.ordinals is distinct from logged.ordinals
order by organization_id, lane, batch_no
limit 50
