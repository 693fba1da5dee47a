-- watch_put
-- Schedules the alerts of a key. $1 key, $2 organization, $3 end, $4 next stage
insert into expiry_watch (key_id, organization_id, expires_at, due_at) values (%s, %s, %s, %s)
on conflict (key_id) do update set expires_at = excluded.expires_at, due_at = excluded.due_at

-- watch_end
-- Removes a key. $1 key
delete from expiry_watch where key_id = %s

-- watch_move
-- Moves a key to its next stage, unless its end has changed. $1 next stage, $2 key, $3 end
update expiry_watch set due_at = %s where key_id = %s and expires_at = %s

-- watch_finish
-- Removes a key after its last stage, unless its end has changed. $1 key, $2 end
delete from expiry_watch where key_id = %s and expires_at = %s

-- watch_due
-- Keys with a due alert, except those of deleted organizations. A key that expired without an alert is no longer due:
-- its expiry removes it. Parameters by name: at, limit
select key_id, organization_id, expires_at from expiry_watch w
where due_at <= %(at)s and expires_at > %(at)s
  and (select g.status <> 'active' from organization_guard g where g.organization_id = w.organization_id) is not true
order by due_at, key_id limit %(limit)s
