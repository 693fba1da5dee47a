-- batches_apply
-- Adds where the uses of organizations are in some batches of a lane, and returns the number of all events in these
-- batches. Parameters by name: as those of usage_apply.
with places as materialized (
    select case when kind = 'used' then organization_id end as organization_id, occurred_at, batch_no,
           array_agg(ordinal) as ordinals, count(*) as events
    from usage_events
    where lane = %(lane)s and batch_no between %(first)s and %(last)s
      and occurred_at between %(since)s and %(until)s
    group by 1, 2, 3
), added as (
    insert into organization_batches (organization_id, occurred_at, lane, batch_no, ordinals)
    select organization_id, occurred_at, %(lane)s, batch_no,
           array(select ordinal from unnest(ordinals) as place (ordinal) order by ordinal)
    from places
    where organization_id is not null
)
select coalesce(sum(events), 0)::bigint from places
