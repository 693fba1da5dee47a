-- The uses in `searched` that match filters of their columns, for the statements that include this file. Parameters by
-- name: the filters, null: any. Of `status`, only `denied`: the others and `reason` need `matching_ends.sql`.
select occurred_at, event_id, body from searched u
where (%(action)s::text is null or action = %(action)s)
  and (%(mcp_id)s::text is null or mcp_id = %(mcp_id)s)
  and (%(tool)s::text is null or tool = %(tool)s)
  and (%(secret_version)s::int is null or secret_version = %(secret_version)s)
  -- The first comparison is a hundred times cheaper than reading the JSON, which decides.
  and (%(ip)s::text is null or (
      position(convert_to('"' || %(ip)s || '"', 'UTF8') in body) > 0
      and convert_from(body, 'UTF8')::json ->> 'ip' = %(ip)s
  ))
  and (%(status)s::text is distinct from 'denied' or code <> 'valid')
