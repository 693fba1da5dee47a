-- preferences_put
-- Stores preferences. $1 user, $2 organization, $3 the preferences
insert into mail_preferences (user_id, organization_id, chosen) values (%s, %s, %s)
on conflict (user_id) do update set chosen = excluded.chosen

-- preferences_remove
-- Removes preferences. $1 user
delete from mail_preferences where user_id = %s

-- preferences_of
-- The preferences of a user. $1 user, $2 organization
select chosen from mail_preferences where user_id = %s and organization_id = %s
