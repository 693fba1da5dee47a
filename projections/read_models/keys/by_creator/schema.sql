-- Which keys go with a person: what they made themselves, and the managing keys that came of those. Looked up when somebody
-- is removed or gets another role. Inline: it changes with the log in one transaction.

create table key_lineage (
    key_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    created_by      text collate "C" not null,
    manages         text[] not null,
    managing        boolean not null generated always as (manages <> '{}') stored
) with (fillfactor = 80);
comment on column key_lineage.manages is 'Its management grants.';
comment on table key_lineage is
    'Active and disabled keys that a person made or that have management grants. The keys that a program makes for its callers have no row.';
create index key_lineage_by_creator on key_lineage (organization_id, created_by, key_id);
create index key_lineage_managing on key_lineage (organization_id, key_id) where managing;

grant select, insert, update, delete on key_lineage to keyledger_app;
call fence('key_lineage');
