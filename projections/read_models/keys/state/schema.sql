-- The verification table: what a presented secret is decided upon. Inline: it changes with the log in one transaction.

create table key_state (
    key_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    version         integer not null,
    state           bytea   not null
) with (fillfactor = 70);
comment on column key_state.state is 'The folded state (domain/keys/state.py) in canonical JSON: equal, byte for byte, to a fold of the stream.';
comment on column key_state.version is 'The version of the stream that the state includes.';

create table key_secrets (
    digest          bytea    primary key,
    key_id          text collate "C" not null,
    organization_id text collate "C" not null,
    secret_version  integer  not null
);
comment on table key_secrets is 'Which key a secret belongs to, by the SHA-256 of the secret. Kept when the secret is retired, so that a late use is recognised.';
create index key_secrets_by_key on key_secrets (key_id);

grant select, insert, update on key_state, key_secrets to keyledger_app;
call fence('key_state');
call fence('key_secrets');
call gate_reads('key_state');
call gate_reads('key_secrets');
