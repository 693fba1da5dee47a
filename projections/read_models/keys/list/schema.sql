-- What key lists are filtered, sorted and paged by. Inline: it changes with the log in one transaction.

create table key_list (
    key_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    name            text not null,
    name_key        text collate "C" not null,
    prefix          text collate "C" not null,
    environment     text not null check (environment in ('live', 'test')),
    status          text not null check (status in ('active', 'disabled', 'expired', 'revoked')),
    created_by      text collate "C" not null,
    created_at      timestamptz not null,
    expires_at      timestamptz,
    ends_at         timestamptz not null generated always as (coalesce(expires_at, 'infinity')) stored,
    secrets_end_at  timestamptz,
    all_mcps        boolean not null,
    mcps            text[] not null
) with (fillfactor = 80);
comment on column key_list.name_key is
    'The name in small letters with U+001F where each word begins: what lists are sorted by, and where a search looks.';
comment on column key_list.status is
    'As recorded. A key past expires_at is expired from that instant on, also while its event is still to come.';
comment on column key_list.created_by is 'The id of the person or key that created it.';
comment on column key_list.ends_at is 'expires_at, infinity for never: one order for all keys.';
comment on column key_list.secrets_end_at is 'When the next overlap of a rotation ends, null when none is running.';
comment on column key_list.all_mcps is 'True: every MCP, also those added later; mcps is empty then.';

-- Each order by environment and status: a list of some of them is a merge of a few ranges, however rare they are.
create index key_list_by_creation on key_list (organization_id, environment, status, created_at, key_id);
create index key_list_by_name on key_list (organization_id, environment, status, name_key, key_id);
create index key_list_by_expiry on key_list (organization_id, environment, status, ends_at, key_id);
create index key_list_by_creator on key_list (organization_id, created_by, environment, status, created_at, key_id);
create index key_list_expiring on key_list (expires_at) where status in ('active', 'disabled') and expires_at is not null;
create index key_list_secrets_ending on key_list (secrets_end_at) where secrets_end_at is not null;

create table key_terms (
    organization_id text collate "C" not null,
    term            text collate "C" not null,
    key_id          text collate "C" not null,
    primary key (organization_id, term, key_id)
);
comment on table key_terms is
    'What keys are found by. Rows and not arrays: row-level security lets a condition use an index only where its operator can not leak, as the comparisons of text can not.';
comment on column key_terms.term is
    'q: and the name in small letters from the beginning of each of its words on, or the prefix likewise · mcp: and the id of an MCP that the key lists, * for all';

create table key_counts (
    organization_id text collate "C" not null,
    facet           text collate "C" not null,
    environment     text not null,
    status          text not null,
    keys            bigint not null,
    primary key (organization_id, facet, environment, status)
) with (fillfactor = 50);
comment on table key_counts is 'How many keys a list has, where counting them would take too long. Equal, at all times, to a count over the folded log.';
comment on column key_counts.facet is
    'Empty: all keys · by: and who created them · mcp: and the id of an MCP that they list, * for all';
comment on column key_counts.status is 'As recorded: keys past their expiry whose event is still to come are to be set off.';

grant select, insert, update on key_list, key_counts to keyledger_app;
grant select, insert, delete on key_terms to keyledger_app;
call fence('key_list');
call fence('key_terms');
call fence('key_counts');
