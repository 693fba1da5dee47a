-- Tables are called what their rows are: the health of an endpoint, and totals of attempts.
alter table webhook_standings rename to webhook_endpoint_health;
alter index webhook_standings_pkey rename to webhook_endpoint_health_pkey;
comment on table webhook_endpoint_health is 'Whether the endpoint of a webhook accepts messages, one row for each webhook.';
comment on column webhook_endpoint_health.failing_since is 'The first failure since the last success. Null: the last attempt succeeded.';
comment on column webhook_endpoint_health.failed_on is 'The last UTC day on which an attempt failed.';
comment on column webhook_endpoint_health.failed_days is 'UTC days with failures since failing_since. Stale while failing_since is null.';
comment on column webhook_endpoint_health.failed_messages is 'Messages that failed since failing_since. Stale while failing_since is null.';
comment on column webhook_endpoint_health.held_until is
    'Nothing is sent before this time, because the endpoint asked for it with Retry-After. Null or past: no such request.';

alter table webhook_outcomes rename to webhook_attempt_totals;
alter index webhook_outcomes_pkey rename to webhook_attempt_totals_pkey;
comment on table webhook_attempt_totals is
    'Attempts of all organizations by result, for /metrics. One row, so that concurrent workers wait for each other and cannot deadlock.';
comment on column webhook_attempt_totals.delivered is 'The endpoint answered with 2xx.';
comment on column webhook_attempt_totals.refused is 'The endpoint answered with any other status.';
comment on column webhook_attempt_totals.unanswered is 'The endpoint did not answer or could not be reached.';

create or replace function webhook_waiting() returns table (failing boolean, messages bigint, due_since timestamptz)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select h.failing_since is not null, sum(w.messages)::bigint, min(w.due_since)
    from (
        select webhook_id, count(*) as messages, min(due_at) as due_since
        from (
            select webhook_id, due_at from webhook_deliveries where status = 'pending' order by due_at limit 50000
        ) as first_due
        group by webhook_id
    ) as w
    left join webhook_endpoint_health h using (webhook_id)
    group by 1
$$;
comment on function webhook_waiting is
    'How many messages wait, at most 50,000, and since when the first of them is due, separately for endpoints that accept messages and for those that fail. It runs as the owner because the application role sees one organization only, and returns sums over all organizations.';
