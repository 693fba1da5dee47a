-- The newest uses of a key, at most scan, for the statements that include this file. Parameters by name: key_id,
-- organization_id, since (inclusive), until (exclusive), last_at and last_id (the last one seen), null: no bound; scan.
with searched as (
    select occurred_at, event_id, action, code, mcp_id, tool, secret_version, body from usage_events
    where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used'
      and occurred_at >= coalesce(%(since)s, '-infinity'::timestamptz) and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
      and (occurred_at, event_id) < (coalesce(%(last_at)s, 'infinity'::timestamptz), coalesce(%(last_id)s::text, ''))
    order by occurred_at desc, event_id desc
    limit %(scan)s
)
