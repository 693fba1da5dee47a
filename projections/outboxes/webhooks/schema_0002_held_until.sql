-- A receiver that answers 429 or 503 may say when to come back: until then nothing is sent to it.
alter table webhook_standings add column held_until timestamptz;
comment on column webhook_standings.held_until is
    'Nothing is sent before: the receiver asked for it with Retry-After. Null, or past: nothing holds it back.';
grant update (held_until) on webhook_standings to keyledger_app;
