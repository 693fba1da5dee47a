-- use
-- A use or the end of a call by its id, which contains the millisecond in which its batch was decided. The same bounds
-- for both tables: the planner then looks at the partition of that day only. Parameters by name: event_id,
-- organization_id; since (inclusive) and until (exclusive), around that time
select e.kind, e.occurred_at, e.event_id, e.body
from usage_batches b
join usage_events e on e.lane = b.lane and e.batch_no = b.batch_no and e.occurred_at = b.occurred_at
where b.occurred_at >= %(since)s::timestamptz and b.occurred_at < %(until)s::timestamptz
  and e.occurred_at >= %(since)s::timestamptz and e.occurred_at < %(until)s::timestamptz
  and e.event_id = %(event_id)s and e.organization_id = %(organization_id)s

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
