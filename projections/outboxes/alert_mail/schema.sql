-- Who is to get a mail of which alert: written once each by a follower of the log, whoever dies or repeats what they did,
-- and settled by the job that writes the mails, in the transaction that puts a mail into the outbox.

create table alert_notices (
    alert_id        text collate "C" not null,
    user_id         text collate "C" not null,
    organization_id text collate "C" not null,
    created_at      timestamptz not null,
    settled_at      timestamptz,
    mail_id         text collate "C",
    primary key (alert_id, user_id)
) with (fillfactor = 80);
comment on column alert_notices.settled_at is 'When a mail was written, or it turned out that none is wanted any more; null: it waits.';
comment on column alert_notices.mail_id is 'The mail that tells of it, perhaps of others too; null: none does.';
create index alert_notices_waiting on alert_notices (user_id, created_at, alert_id) where settled_at is null;
create index alert_notices_mailed on alert_notices (user_id, settled_at) where mail_id is not null;
create index alert_notices_by_age on alert_notices (created_at);

grant select, insert, update, delete on alert_notices to keyledger_worker;
call fence('alert_notices');
