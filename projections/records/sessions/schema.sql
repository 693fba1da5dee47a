-- Who is signed in, and what signing in needs. Not in the log, which says when a session began and ended: no digest, no
-- address and no link is part of an event.

create table sessions (
    session_id      text collate "C" primary key,
    digest          bytea not null unique,
    user_id         text collate "C" not null,
    organization_id text collate "C" not null,
    method          text not null check (method in ('link', 'openid', 'invitation')),
    started_at      timestamptz not null,
    last_seen_at    timestamptz not null,
    expires_at      timestamptz not null,
    ip              text,
    user_agent      text
) with (fillfactor = 80);
comment on table sessions is 'Sessions that have not ended. One whose times are over counts as ended, though its row is removed later.';
comment on column sessions.digest is 'SHA-256 of the secret in the cookie, which is kept nowhere.';
comment on column sessions.last_seen_at is 'To the minute: not every request writes.';
create index sessions_by_user on sessions (user_id, started_at desc, session_id desc);
create index sessions_by_end on sessions (expires_at);
create index sessions_by_idleness on sessions (last_seen_at);

create table sign_in_links (
    digest     bytea primary key,
    user_ids   text[] not null,
    method     text not null check (method in ('link', 'openid')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz
);
comment on table sign_in_links is 'Links that were sent to people who want to sign in. Each works once.';
comment on column sign_in_links.digest is 'SHA-256 of the token in the link, which is kept nowhere but in the sealed mail.';
comment on column sign_in_links.method is 'link: it was sent by mail · openid: a provider vouched for the person, who has to choose an organization';
comment on column sign_in_links.user_ids is 'Whom the address belonged to: one person in each organization that knows it.';
create index sign_in_links_by_end on sign_in_links (expires_at);

create table sign_in_rates (
    bucket  bytea primary key,
    full_at timestamptz not null
) with (fillfactor = 50);
comment on table sign_in_rates is 'How often was tried, per address and per client. In PostgreSQL, so that the limit holds without Redis.';
comment on column sign_in_rates.bucket is 'SHA-256 of what is counted: no address lies here.';
comment on column sign_in_rates.full_at is 'When everything may be tried again: the theoretical arrival time of a GCRA.';
create index sign_in_rates_by_time on sign_in_rates (full_at);

create table sign_in_failures (
    failure_id      bigint generated always as identity primary key,
    at              timestamptz not null,
    reason          text not null,
    user_ids        text[] not null,
    ip              text,
    user_agent      text,
    request_id      text
);
comment on table sign_in_failures is 'Attempts that did not lead to a session. Not in the log, into which nobody may write who has not been let in.';
comment on column sign_in_failures.reason is 'In words, such as: used link, expired link, unknown link, not a member, too many links of an address.';
comment on column sign_in_failures.user_ids is 'Who was meant, as far as it is known.';
create index sign_in_failures_by_time on sign_in_failures (at);

call fence('sessions');
call gate_reads('sessions');
call gate_reads('member_list');
call gate_reads('users');
call gate_reads('streams');
grant select, insert, delete on sessions to keyledger_app;
-- Whoever knocks belongs to no organization yet: what they need is open at the gate, and there alone.
grant update (last_seen_at, ip, user_agent) on sessions to keyledger_gate;
create policy seen on sessions for update to keyledger_gate using (true);
grant select, insert on sign_in_links to keyledger_gate;
grant select, insert, update on sign_in_rates to keyledger_gate;
grant insert on sign_in_failures to keyledger_gate;
-- Used up in the transaction that starts the session.
grant select, update (used_at) on sign_in_links to keyledger_app;
grant select, insert, delete on sign_in_links, sign_in_rates, sign_in_failures to keyledger_worker;
