-- The keys of whose expiry someone is still to be told, and when next. Inline: it changes with the log in one transaction,
-- and each alert moves its key on to the next stage in the transaction that raises it.

create table expiry_watch (
    key_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    expires_at      timestamptz not null,
    due_at          timestamptz not null
);
comment on column expiry_watch.due_at is 'The instant of the next stage: see domain/alerts/expiry.py.';
create index expiry_watch_due on expiry_watch (due_at, key_id);

grant select, insert, update, delete on expiry_watch to keyledger_app;
call fence('expiry_watch');
