-- completions
-- The ends of calls. $1 the ids of the uses that authorized them, $2 and $3 the times between which they ended
select call_id, body from usage_events
where call_id = any(%s::text[]) and occurred_at >= %s::timestamptz and occurred_at <= %s::timestamptz
