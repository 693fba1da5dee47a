-- people_of
-- The members of some organizations, with their preferences. $1 organizations
select m.organization_id, m.user_id, m.role, p.chosen
from member_list m left join mail_preferences p using (user_id)
where m.organization_id = any(%s::text[])

-- creators_of
-- The creator of each key. $1 keys
select key_id, created_by from key_list where key_id = any(%s::text[])

-- notices_add
-- Adds each notice once, even if it is repeated. $1 now, $2 alerts, $3 users, $4 organizations
insert into alert_notices (alert_id, user_id, organization_id, created_at)
select n.alert_id, n.user_id, n.organization_id, %s
from unnest(%s::text[], %s::text[], %s::text[]) as n (alert_id, user_id, organization_id)
on conflict (alert_id, user_id) do nothing

-- notices_due
-- Users with a waiting notice and no alert mail since an instant, in order, except those of deleted organizations.
-- $1 after this one, $2 instant, $3 limit
select distinct w.user_id from alert_notices w
where w.settled_at is null and w.user_id > %s
  and not exists (select from alert_notices s where s.user_id = w.user_id and s.mail_id is not null and s.settled_at > %s)
  and (select g.status <> 'active' from organization_guard g where g.organization_id = w.organization_id) is not true
order by w.user_id limit %s

-- recipient
-- The current data of a user. No row: they were removed, or their address was erased. $1 user
select o.name, u.email, m.role, p.chosen, o.organization_id
from member_list m
join users u using (user_id)
join organization_list o on o.organization_id = m.organization_id
left join mail_preferences p on p.user_id = m.user_id
where m.user_id = %s

-- notices_claim
-- The waiting notices of a user, oldest first, with the current data of the alerts. $1 user, $2 limit
select n.alert_id, a.type, a.severity, a.raised_at, a.numbers, a.acknowledged_at is not null,
       a.key_id, k.name, k.prefix, coalesce(k.created_by = n.user_id, false)
from alert_notices n
join alert_list a using (alert_id)
left join key_list k on k.key_id = a.key_id
where n.user_id = %s and n.settled_at is null
order by n.created_at, n.alert_id limit %s
for update of n

-- notices_settle
-- Marks notices as settled. $1 now, $2 mail, $3 user, $4 alerts
update alert_notices set settled_at = %s, mail_id = %s where user_id = %s and alert_id = any(%s::text[])

-- notices_of_mail
-- The alerts in a mail, and the role of its recipient. Both are current, and null if the recipient was removed. $1 mail
select m.role, a.type, coalesce(k.created_by = n.user_id, false)
from alert_notices n
join alert_list a using (alert_id)
left join key_list k on k.key_id = a.key_id
left join member_list m on m.user_id = n.user_id
where n.mail_id = %s

-- notices_reopen
-- Makes the notices of a mail wait again. $1 mail
update alert_notices set settled_at = null, mail_id = null where mail_id = %s

-- notices_forget
-- Removes a bounded number of old notices. $1 made before
delete from alert_notices where ctid = any(array(
    select ctid from alert_notices where created_at <= %s order by created_at limit 10000
))
