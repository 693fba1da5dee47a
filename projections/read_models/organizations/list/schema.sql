-- What people read about their organization. Inline: it changes with the log in one transaction.

create table organization_list (
    organization_id text collate "C" primary key,
    name            text    not null,
    slug            text collate "C" not null,
    description     text    not null,
    settings        bytea   not null,
    plan            text    not null,
    created_at      timestamptz not null,
    revision        integer not null
) with (fillfactor = 80);
comment on column organization_list.settings is 'What clients keep about the organization, as a JSON object.';
comment on column organization_list.revision is 'The version of the stream that the row includes.';
create unique index organization_list_slug on organization_list (slug);

grant select, insert, update on organization_list to keyledger_app;
call fence('organization_list');
