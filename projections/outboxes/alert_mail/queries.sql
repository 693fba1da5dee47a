-- people_of
-- Everybody in some organizations, with what they chose. $1 organizations
select m.organization_id, m.user_id, m.role, p.chosen
from member_list m left join mail_preferences p using (user_id)
where m.organization_id = any(%s::text[])

-- creators_of
-- $1 keys
select key_id, created_by from key_list where key_id = any(%s::text[])

-- notices_add
-- Once each, however often. $1 now, $2 alerts, $3 users, $4 organizations
insert into alert_notices (alert_id, user_id, organization_id, created_at)
select n.alert_id, n.user_id, n.organization_id, %s
from unnest(%s::text[], %s::text[], %s::text[]) as n (alert_id, user_id, organization_id)
on conflict (alert_id, user_id) do nothing

-- notices_due
-- Those for whom a notice waits, and who got no mail of any since, in order. $1 after this one, $2 instant, $3 how many
select distinct w.user_id from alert_notices w
where w.settled_at is null and w.user_id > %s
  and not exists (select from alert_notices s where s.user_id = w.user_id and s.mail_id is not null and s.settled_at > %s)
order by w.user_id limit %s

-- recipient
-- Who somebody is now; no row: they were removed, or their address was erased. $1 user
select o.name, u.email, m.role, p.chosen
from member_list m
join users u using (user_id)
join organization_list o on o.organization_id = m.organization_id
left join mail_preferences p on p.user_id = m.user_id
where m.user_id = %s

-- notices_claim
-- What waits for somebody, oldest first, with the alerts as they are now. $1 user, $2 how many
select n.alert_id, a.type, a.severity, a.raised_at, a.numbers, a.acknowledged_at is not null,
       a.key_id, k.name, k.prefix, coalesce(k.created_by = n.user_id, false)
from alert_notices n
join alert_list a using (alert_id)
left join key_list k on k.key_id = a.key_id
where n.user_id = %s and n.settled_at is null
order by n.created_at, n.alert_id limit %s
for update of n

-- notices_settle
-- $1 now, $2 mail, $3 user, $4 alerts
update alert_notices set settled_at = %s, mail_id = %s where user_id = %s and alert_id = any(%s::text[])

-- notices_told
-- What a mail tells of, and the role of its reader: as both are now, null where the reader was removed. $1 mail
select m.role, a.type, coalesce(k.created_by = n.user_id, false)
from alert_notices n
join alert_list a using (alert_id)
left join key_list k on k.key_id = a.key_id
left join member_list m on m.user_id = n.user_id
where n.mail_id = %s

-- notices_reopen
-- They wait again. $1 mail
update alert_notices set settled_at = null, mail_id = null where mail_id = %s

-- notices_forget
-- $1 made before
delete from alert_notices where ctid = any(array(
    select ctid from alert_notices where created_at <= %s order by created_at limit 10000
))
