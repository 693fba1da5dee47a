-- mail_add
-- Adds a mail. $1 mail, $2 organization, $3 whether it is about its deletion, $4 effect, $5 sealed, $6 now, $7 due,
-- $8 send no later than
insert into mail_outbox (
    mail_id, organization_id, is_about_deletion, effect, sealed, created_at, due_at, expires_at
) values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (effect) do nothing

-- mail_add_for_link
-- Adds a mail only if such a sign-in link exists. $1 mail, $2 sealed, $3 now, $4 due, $5 until, $6 digest of the link
insert into mail_outbox (mail_id, sealed, created_at, due_at, expires_at)
select %s, %s, %s, %s, %s where exists (select from sign_in_links where digest = %s)

-- mail_claim
-- The mails that are due, each with its next attempt set. Those of deleted organizations wait, until they are no longer
-- worth sending. Parameters by name: next_at, the next attempt; at, limit
update mail_outbox m set due_at = %(next_at)s, attempts = m.attempts + 1
from (
    select mail_id from mail_outbox o
    where sealed is not null and due_at <= %(at)s and (
        expires_at <= %(at)s or is_about_deletion
        or (select g.status <> 'active' from organization_guard g where g.organization_id = o.organization_id) is not true
    )
    order by due_at limit %(limit)s for update skip locked
) claimed
where m.mail_id = claimed.mail_id
returning m.mail_id, m.sealed, m.expires_at, m.attempts

-- mail_later
-- Postpones a mail. $1 the next attempt, $2 mail
update mail_outbox set due_at = %s where mail_id = %s and sealed is not null

-- mail_erase
-- Erases the content permanently. $1 when it was sent, null if it never was, $2 mail
update mail_outbox set sealed = null, sent_at = %s where mail_id = %s

-- mail_withdraw
-- Erases the content of a mail that was not sent. Another mail may have the same effect. $1 mail
update mail_outbox set sealed = null, effect = null where mail_id = %s

-- mails_erase
-- Removes the mails of an organization, sent or not. $1 organization
delete from mail_outbox where organization_id = %s

-- mail_forget
-- Removes a bounded number of old mails. $1 made before
delete from mail_outbox where mail_id = any(array(
    select mail_id from mail_outbox where created_at <= %s order by created_at limit 10000
))
