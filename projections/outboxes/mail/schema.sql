-- The outbox: mails that are to be delivered, at least once each. Whoever has something to say writes it here in the
-- transaction of what it is about; a worker delivers it.

create table mail_outbox (
    mail_id    text collate "C" primary key,
    effect     text collate "C" unique,
    sealed     bytea,
    created_at timestamptz not null,
    due_at     timestamptz not null,
    expires_at timestamptz not null,
    attempts   integer not null default 0,
    sent_at    timestamptz
) with (fillfactor = 80);
comment on column mail_outbox.effect is 'What the mail is the effect of, such as an alert: it is sent once, however often that is recorded.';
comment on column mail_outbox.sealed is
    'The mail with its address, encrypted with the master key, since it may hold a link that lets somebody in. Erased when it was sent or is not worth sending any more.';
comment on column mail_outbox.due_at is 'When it is tried next: pushed ahead before each attempt, so that two workers do not send it at once.';
create index mail_outbox_due on mail_outbox (due_at) where sealed is not null;
create index mail_outbox_by_age on mail_outbox (created_at);

-- Whoever writes a mail needs not read any; `effect` is looked at where a mail is the effect of something.
grant insert, select (effect) on mail_outbox to keyledger_app;
grant insert on mail_outbox to keyledger_gate;
grant select, insert, update, delete on mail_outbox to keyledger_worker;
