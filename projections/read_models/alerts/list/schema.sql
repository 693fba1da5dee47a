-- The alerts of an organization. Inline: it changes with the log in one transaction.

create table alert_list (
    alert_id        text collate "C" primary key,
    organization_id text collate "C" not null,
    type            text not null,
    severity        text not null check (severity in ('info', 'warning', 'critical')),
    key_id          text collate "C",
    numbers         bytea not null,
    raised_at       timestamptz not null,
    acknowledged_at timestamptz,
    acknowledged_by bytea,
    revision        integer not null
);
comment on column alert_list.numbers is 'JSON: what fired it.';
comment on column alert_list.acknowledged_by is 'JSON: an actor.';
create index alert_list_newest on alert_list (organization_id, raised_at desc, alert_id desc);
create index alert_list_open on alert_list (organization_id, raised_at desc, alert_id desc)
    where acknowledged_at is null;
create index alert_list_by_key on alert_list (key_id, raised_at desc, alert_id desc) where key_id is not null;

grant select, insert, update on alert_list to keyledger_app;
call fence('alert_list');
