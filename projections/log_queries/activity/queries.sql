-- lifecycle
-- The changes of a key, newest first. Parameters by name: key_id, organization_id, type, ip, since (inclusive), until
-- (exclusive), last_at and last_id (the last one seen), limit. Null: no bound. Only a revocation has a reason: with
-- reason, which is compared later, the only change is the revocation.
select occurred_at, event_id, body from events
where stream_id = %(key_id)s and organization_id = %(organization_id)s
  and (%(type)s::text is null or type = %(type)s) and (%(ip)s::text is null or ip = %(ip)s)
  and (%(reason)s::text is null or type = 'api_key.revoked')
  and occurred_at >= coalesce(%(since)s, '-infinity'::timestamptz) and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
  and (occurred_at, event_id) < (coalesce(%(last_at)s, 'infinity'::timestamptz), coalesce(%(last_id)s::text, ''))
order by occurred_at desc, event_id desc
limit %(limit)s

-- lifecycle_after
-- The changes of a key after a version, in their order. Parameters by name: version, and as above without the last one
-- seen.
select occurred_at, event_id, body, version from events
where stream_id = %(key_id)s and organization_id = %(organization_id)s and version > %(version)s
  and (%(type)s::text is null or type = %(type)s) and (%(ip)s::text is null or ip = %(ip)s)
  and (%(reason)s::text is null or type = 'api_key.revoked')
  and occurred_at >= coalesce(%(since)s, '-infinity'::timestamptz) and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
order by version
limit %(limit)s

-- uses
-- The uses of a key that match, newest first. Parameters by name: those of the included files, limit.
\ir newest_uses.sql
\ir matching.sql
order by occurred_at desc, event_id desc
limit %(limit)s

-- uses_by_end
-- As uses, with the filters that need the ends of calls.
\ir newest_uses.sql
\ir matching_ends.sql
order by occurred_at desc, event_id desc
limit %(limit)s

-- uses_end
-- The oldest of the newest uses, if there are as many as scan.
\ir newest_uses.sql
select occurred_at, event_id from searched order by occurred_at desc, event_id desc limit 1 offset %(scan)s - 1

-- next_uses
-- As uses, but the uses after a position, oldest first.
\ir next_uses.sql
\ir matching.sql
order by occurred_at, event_id
limit %(limit)s

-- next_uses_by_end
-- As next_uses, with the filters that need the ends of calls.
\ir next_uses.sql
\ir matching_ends.sql
order by occurred_at, event_id
limit %(limit)s

-- next_uses_end
-- The last of the next uses, if there are as many as scan.
\ir next_uses.sql
select occurred_at, event_id from searched order by occurred_at, event_id limit 1 offset %(scan)s - 1

-- position
-- The position of one entry: its time, and the version of the key if it is a change. The id of a use contains the
-- millisecond of its time. Parameters by name: event_id, key_id, organization_id; since (inclusive) and until (exclusive), around
-- that time.
select occurred_at, version from events
where event_id = %(event_id)s and stream_id = %(key_id)s and organization_id = %(organization_id)s
union all
select occurred_at, null from usage_events
where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used' and event_id = %(event_id)s
  and occurred_at >= %(since)s::timestamptz and occurred_at < %(until)s::timestamptz

-- version_before
-- The version of a key before an entry. Parameters by name: key_id, organization_id, at, event_id.
select coalesce(max(version), 0) from events
where stream_id = %(key_id)s and organization_id = %(organization_id)s and (occurred_at, event_id) < (%(at)s, %(event_id)s::text)
