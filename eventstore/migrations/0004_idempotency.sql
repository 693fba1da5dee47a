-- Answers to requests that carried an Idempotency-Key, kept for 24 hours.

create table idempotency_keys (
    caller          text collate "C" not null,
    key             text     not null,
    organization_id text collate "C" not null,
    fingerprint     bytea    not null,
    status          smallint not null,
    answer          bytea    not null,
    revision        integer,
    answered_at     timestamptz not null,
    ends_by         timestamptz,
    primary key (caller, key)
);
comment on table idempotency_keys is
    'Of a change: written in its own transaction, so an answer is here exactly when the change is in the log. Of a call: written before the server is asked.';
comment on column idempotency_keys.organization_id is 'Of the caller.';
comment on column idempotency_keys.fingerprint is 'SHA-256 of method, path and body: the same key with another request is refused.';
comment on column idempotency_keys.status is 'Of the answer; 0: a call that has not ended, as far as is known.';
comment on column idempotency_keys.answer is
    'Of a change: the body of the answer, without the secret. Of a call: what is needed to answer, sealed; while it has not ended, its id.';
comment on column idempotency_keys.ends_by is 'Of a call: when it has ended for certain, whether or not anyone could write it down.';
create index idempotency_keys_by_age on idempotency_keys (answered_at);

grant select, insert, update, delete on idempotency_keys to keyledger_app;
