-- The uses in `found` that may be shown. The times are named again, because they bound the partitions that are searched.
-- Parameters by name: organization_id; since, until; created_by, null for all keys; ascending; last_at and last_id, the
-- use before the first one.
, searched as (
    select occurred_at, event_id, action, code, mcp_id, tool, secret_version, body from found u
    where organization_id = %(organization_id)s and kind = 'used'
      and occurred_at >= %(since)s and occurred_at < %(until)s
      and case when %(ascending)s::boolean then (occurred_at, event_id) > (%(last_at)s::timestamptz, %(last_id)s::text)
               else (occurred_at, event_id) < (%(last_at)s::timestamptz, %(last_id)s::text) end
      and (%(created_by)s::text is null or exists (
          select from key_list k where k.key_id = u.key_id and k.created_by = %(created_by)s
      ))
)
