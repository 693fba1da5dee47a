-- The webhooks of an organization, and what their messages are signed with. Inline: it changes with the log in one
-- transaction.

create table webhook_list (
    webhook_id           text collate "C" primary key,
    organization_id      text collate "C" not null,
    kind                 text not null check (kind in ('standard', 'slack')),
    url                  text not null,
    events               text[] not null,
    description          text not null,
    status               text not null check (status in ('active', 'disabled', 'deleted')),
    because              text check (because in ('requested', 'gone', 'failing')),
    created_at           timestamptz not null,
    updated_at           timestamptz not null,
    secret_version       integer not null,
    previous_valid_until timestamptz,
    revision             integer not null
);
comment on column webhook_list.kind is
    'standard: signed messages after Standard Webhooks · slack: text for an incoming webhook, whose address is the secret';
comment on column webhook_list.url is 'What may be shown: of a secret address its beginning.';
comment on column webhook_list.events is 'Names of what it is told; {*}: everything.';
comment on column webhook_list.because is
    'Of a disabled one: requested by somebody · gone: it answered 410 · failing: nothing got through for days';
create index webhook_list_newest on webhook_list (organization_id, created_at desc, webhook_id desc);

create table webhook_secrets (
    webhook_id      text collate "C" not null,
    version         integer not null,
    organization_id text collate "C" not null,
    sealed          bytea not null,
    primary key (webhook_id, version)
);
comment on table webhook_secrets is
    'What messages are signed with, or an address that is a secret, sealed with AES-256-GCM and bound to its webhook. In no event: removed when another one has taken its place, or the webhook is deleted.';

grant select, insert, update on webhook_list to keyledger_app;
grant select, insert, delete on webhook_secrets to keyledger_app;
call fence('webhook_list');
call fence('webhook_secrets');
