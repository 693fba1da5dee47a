-- lifecycle
-- The changes of a key, newest first. Parameters by name: key_id, organization_id, type, since (inclusive), until
-- (exclusive), last_at and last_id (the last one seen), limit. Null: no bound.
select occurred_at, event_id, body from events
where stream_id = %(key_id)s and organization_id = %(organization_id)s
  and (%(type)s::text is null or type = %(type)s)
  and occurred_at >= coalesce(%(since)s, '-infinity'::timestamptz) and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
  and (occurred_at, event_id) < (coalesce(%(last_at)s, 'infinity'::timestamptz), coalesce(%(last_id)s::text, ''))
order by occurred_at desc, event_id desc
limit %(limit)s

-- uses
-- The uses of a key, newest first. Parameters as above, except the type.
select occurred_at, event_id, body from usage_events
where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used'
  and occurred_at >= coalesce(%(since)s, '-infinity'::timestamptz) and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
  and (occurred_at, event_id) < (coalesce(%(last_at)s, 'infinity'::timestamptz), coalesce(%(last_id)s::text, ''))
order by occurred_at desc, event_id desc
limit %(limit)s
