-- As newest_uses.sql, but the first uses after (after_at, after_id).
with searched as (
    select occurred_at, event_id, action, code, mcp_id, tool, secret_version, body from usage_events
    where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used'
      and occurred_at >= greatest(%(since)s::timestamptz, %(after_at)s::timestamptz)
      and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
      and (occurred_at, event_id) > (%(after_at)s::timestamptz, %(after_id)s::text)
    order by occurred_at, event_id
    limit %(scan)s
)
