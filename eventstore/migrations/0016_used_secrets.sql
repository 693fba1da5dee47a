-- The first use of a rotated secret ends the secrets before it (docs/decisions/0037). It is kept here from the use on,
-- until a worker has recorded the end of the earlier secrets in the key's own stream.

create table used_secrets (
    key_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    secret_version  integer     not null,
    used_at         timestamptz not null
) with (fillfactor = 50); -- many rows come and go, in place
comment on table used_secrets is
    'Keys of which an earlier secret is still valid by its date, but not any longer: the secret of this version was used. '
    'Written by the statement that appends the use.';
comment on column used_secrets.secret_version is 'Every secret of a lower version is refused.';
create index used_secrets_by_time on used_secrets (used_at, key_id);

grant select, delete on used_secrets to keyledger_app;
call fence('used_secrets');
grant select, insert, update on used_secrets to keyledger_gate;
create policy used_secrets_of_all on used_secrets to keyledger_gate using (true) with check (true);
