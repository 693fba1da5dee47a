-- completions
-- The ends of calls. $1 the ids of the uses that authorized them
select call_id, body from usage_events where call_id = any(%s::text[])
