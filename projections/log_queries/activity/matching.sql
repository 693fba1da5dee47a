-- The uses in `searched` that match filters, for the statements that include this file. Parameters by name: the filters,
-- null: any.
select occurred_at, event_id, body from searched u
where (%(action)s::text is null or action = %(action)s)
  and (%(mcp_id)s::text is null or mcp_id = %(mcp_id)s)
  and (%(tool)s::text is null or tool = %(tool)s)
  and (%(secret_version)s::int is null or secret_version = %(secret_version)s)
  and (%(ip)s::text is null or convert_from(body, 'UTF8')::json ->> 'ip' = %(ip)s)
  -- The end of a call is looked up only if it decides. Its time bounds the partitions that are searched.
  and (%(status)s::text is null or %(status)s = case
      when code <> 'valid' then 'denied'
      when %(status)s = 'denied' then ''
      when action <> 'call' then 'success'
      else coalesce((
          select c.code from usage_events c
          where c.call_id = u.event_id
            and c.occurred_at > u.occurred_at - interval '1 hour' and c.occurred_at < u.occurred_at + interval '1 day'
      ), 'started') end)
  and (%(reason)s::text is null or %(reason)s = case
      when code <> 'valid' then code
      when action <> 'call' then ''
      else (
          select convert_from(c.body, 'UTF8')::json ->> 'error' from usage_events c
          where c.call_id = u.event_id
            and c.occurred_at > u.occurred_at - interval '1 hour' and c.occurred_at < u.occurred_at + interval '1 day'
      ) end)
