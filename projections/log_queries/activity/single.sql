-- use
-- A use or the end of a call by its id, which contains the millisecond in which its batch was decided. $1 to $3 the id,
-- $4 organization
select e.kind, e.occurred_at, e.event_id, e.body
from usage_batches b
join usage_events e on e.lane = b.lane and e.batch_no = b.batch_no and e.occurred_at = b.occurred_at
where b.occurred_at >= instant_of_id(%s::text) and b.occurred_at < instant_of_id(%s::text) + interval '1 millisecond'
  and e.event_id = %s and e.organization_id = %s

-- key_until
-- The records of a key up to a revision, oldest first. $1 key, $2 organization, $3 revision
select body from events where stream_id = %s and organization_id = %s and version <= %s order by version

-- records_until
-- The records of a resource up to an instant, oldest first. All versions before the last one are included, even if the
-- clocks of two servers differed. $1 resource, $2 organization, $3 resource, $4 instant
select body from events
where stream_id = %s and organization_id = %s
  and version <= (select max(version) from events where stream_id = %s and occurred_at <= %s)
order by version

-- used_version
-- The secret of a key whose use had ended the earlier ones, and the instant of that use. $1 key, $2 organization
select secret_version, used_at from used_secrets where key_id = %s and organization_id = %s
