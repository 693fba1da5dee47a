-- last_uses
-- The use of each key at the instant of its last use. Without a row: the key was last used to ask about another key, or
-- retention removed the use. Parameters by name: key_ids, and instants, one for each key.
select given.key_id, found.body
from unnest(%(key_ids)s::text[], %(instants)s::timestamptz[]) as given (key_id, at)
cross join lateral (
    select body from usage_events as u
    where u.key_id = given.key_id and u.occurred_at = given.at and u.kind = 'used' and u.code = 'valid'
    order by u.event_id desc limit 1
) as found
