-- As `matching.sql`, and the filters that need the end of a call, which is another row. Parameters by name: ended_since and
-- ended_until, around the ends of all calls in `searched`; they bound the partitions that are searched.
\ir matching.sql
  and (%(status)s::text is null or %(status)s = case
      when code <> 'valid' then 'denied'
      when action <> 'call' then 'success'
      else coalesce((
          select c.code from usage_events c
          where c.call_id = u.event_id
            and c.occurred_at > u.occurred_at - interval '1 hour' and c.occurred_at < u.occurred_at + interval '1 day'
            and c.occurred_at > %(ended_since)s and c.occurred_at < %(ended_until)s
      ), 'started') end)
  and (%(reason)s::text is null or %(reason)s = case
      when code <> 'valid' then code
      when action <> 'call' then ''
      else (
          select convert_from(c.body, 'UTF8')::json ->> 'error' from usage_events c
          where c.call_id = u.event_id
            and c.occurred_at > u.occurred_at - interval '1 hour' and c.occurred_at < u.occurred_at + interval '1 day'
            and c.occurred_at > %(ended_since)s and c.occurred_at < %(ended_until)s
      ) end)
