-- The outbox of webhooks: what is to be sent to which of them, at least once each, and what came of every attempt.
-- Follows the lifecycle log as an effect: a message is put here once, however often the log is read.

create table webhook_deliveries (
    delivery_id     text collate "C" primary key,
    organization_id text collate "C" not null,
    webhook_id      text collate "C" not null,
    event_id        text collate "C" not null,
    position        bigint not null,
    subject         text collate "C" not null,
    event           text not null,
    body            bytea not null,
    status          text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
    created_at      timestamptz not null,
    due_at          timestamptz not null,
    attempts        integer not null default 0,
    failures        integer not null default 0,
    finished_at     timestamptz,
    unique (webhook_id, event_id)
) with (fillfactor = 80);
comment on column webhook_deliveries.delivery_id is
    'The webhook-id of every attempt: a receiver that has seen it has seen the message.';
comment on column webhook_deliveries.position is 'Of the event in the lane of its organization: the order of the messages.';
comment on column webhook_deliveries.subject is 'What it is about, such as a key: messages about one thing are sent in order.';
comment on column webhook_deliveries.body is 'The exact bytes that are signed and sent.';
comment on column webhook_deliveries.status is
    'pending: to be sent, or to be tried again · delivered: answered with 2xx · failed: given up';
comment on column webhook_deliveries.attempts is 'Those that were begun: of a worker that was killed, too.';
comment on column webhook_deliveries.failures is 'Attempts that ended and did not get through.';
comment on column webhook_deliveries.due_at is
    'When it is tried next: pushed ahead before each attempt, so that two workers do not send it at once.';
create index webhook_deliveries_due on webhook_deliveries (due_at, webhook_id) where status = 'pending';
create index webhook_deliveries_in_order on webhook_deliveries (webhook_id, subject, position) where status = 'pending';
create index webhook_deliveries_newest on webhook_deliveries (webhook_id, created_at desc, delivery_id desc);
create index webhook_deliveries_by_age on webhook_deliveries (created_at);

create table webhook_attempts (
    delivery_id     text collate "C" not null references webhook_deliveries on delete cascade,
    attempt         integer not null,
    organization_id text collate "C" not null,
    at              timestamptz not null,
    status_code     integer,
    latency_ms      integer not null,
    error           text,
    response        text not null,
    primary key (delivery_id, attempt)
);
comment on column webhook_attempts.error is 'Why no answer came, in words of ours; null where one did.';
comment on column webhook_attempts.response is 'The beginning of the answer''s body.';

create table webhook_standings (
    webhook_id      text collate "C" primary key,
    organization_id text collate "C" not null,
    failing_since   timestamptz,
    failed_on       date,
    failed_days     integer not null default 0,
    failed_messages integer not null default 0,
    delivered_at    timestamptz
);
comment on column webhook_standings.failing_since is 'The first failure since something got through; null: the last attempt got through.';
comment on column webhook_standings.failed_on is 'The last UTC day on which an attempt failed.';
comment on column webhook_standings.failed_days is 'On how many UTC days attempts failed since then; as stale as failing_since is null.';
comment on column webhook_standings.failed_messages is 'Of how many messages; likewise.';

create table webhook_outcomes (
    only_row   boolean primary key default true check (only_row),
    delivered  bigint not null default 0,
    refused    bigint not null default 0,
    unanswered bigint not null default 0
);
comment on table webhook_outcomes is
    'Attempts of all organizations by how they ended, for /metrics. One row: two workers that count at once wait for each other, in no order that could be wrong.';
comment on column webhook_outcomes.delivered is 'Answered with 2xx.';
comment on column webhook_outcomes.refused is 'Answered with anything else.';
comment on column webhook_outcomes.unanswered is 'There was no answer, or nobody could be asked.';
insert into webhook_outcomes default values;

create function webhook_waiting() returns table (failing boolean, messages bigint, due_since timestamptz)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select s.failing_since is not null, sum(w.messages)::bigint, min(w.due_since)
    from (
        select webhook_id, count(*) as messages, min(due_at) as due_since
        from (
            select webhook_id, due_at from webhook_deliveries where status = 'pending' order by due_at limit 50000
        ) as first_due
        group by webhook_id
    ) as w
    left join webhook_standings s using (webhook_id)
    group by 1
$$;
comment on function webhook_waiting is
    'How many messages wait, 50,000 at most, and when the first of them was due: for webhooks that answer, and for those that fail. Runs as the owner: the API tells it to whoever runs it, and is fenced between organizations. Sums only, nobody''s in particular.';
revoke execute on function webhook_waiting from public;
grant execute on function webhook_waiting to keyledger_app;

grant select, update (status, due_at, attempts, failures, finished_at) on webhook_deliveries to keyledger_app;
grant insert, delete on webhook_deliveries to keyledger_worker;
grant select on webhook_attempts to keyledger_app;
grant select, update (failing_since) on webhook_standings to keyledger_app;
grant insert, delete on webhook_attempts to keyledger_worker;
grant insert, update on webhook_standings to keyledger_worker;
grant select on webhook_outcomes to keyledger_app;
grant update on webhook_outcomes to keyledger_worker;
call fence('webhook_deliveries');
call fence('webhook_attempts');
call fence('webhook_standings');
