-- The order of keys by their last use. Its rows are made and change status with the log, and last_used follows the log of
-- uses. Apart from key_list, whose rows every change of a key locks, and from projections/usage, which counts many uses in
-- one transaction: the follower of this table takes few at a time, so that a revocation never waits for it for long.

create table key_recency (
    key_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    environment     text not null check (environment in ('live', 'test')),
    status          text not null check (status in ('active', 'disabled', 'expired', 'revoked')),
    created_at      timestamptz not null,
    last_used       timestamptz not null default '-infinity'
) with (fillfactor = 80);
comment on column key_recency.status is 'As recorded, as in key_list.';
comment on column key_recency.last_used is 'The last accepted use of any kind, as in key_usage; -infinity: never used.';
create index key_recency_by_use on key_recency (organization_id, environment, status, last_used, key_id);
create index key_recency_never_used on key_recency (organization_id, environment, status, created_at, key_id)
    where last_used = '-infinity';

grant select, insert, update on key_recency to keyledger_app;
call fence('key_recency');
