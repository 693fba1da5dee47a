-- The log of uses: written in batches, one position of the lane a batch.

create table usage_batches (
    lane        smallint not null,
    batch_no    bigint   not null,
    producer    text collate "C" not null,
    sequence    bigint   not null,
    size        integer  not null check (size > 0),
    occurred_at timestamptz not null,
    primary key (lane, batch_no),
    unique (producer, sequence)
);
comment on table usage_batches is 'One row a group commit. All its events carry its instant and lie in one partition.';
comment on column usage_batches.batch_no is 'Contiguous from 1 inside the lane.';
comment on column usage_batches.producer is 'The process that wrote it.';
comment on column usage_batches.sequence is
    'Counts the batches of the producer. Unique with it: a batch whose commit was not confirmed is looked up, never written twice.';

create table usage_events (
    lane            smallint not null,
    batch_no        bigint   not null,
    ordinal         integer  not null,
    occurred_at     timestamptz not null,
    event_id        text collate "C" not null,
    kind            text     not null check (kind in ('used', 'completed')),
    action          text     not null,
    code            text     not null,
    organization_id text collate "C",
    key_id          text collate "C",
    caller_key_id   text collate "C",
    mcp_id          text collate "C",
    tool            text,
    secret_version  integer,
    call_id         text collate "C",
    latency_ms      integer,
    billed          boolean  not null,
    body            bytea    not null,
    primary key (lane, batch_no, ordinal, occurred_at)
) partition by range (occurred_at);
comment on table usage_events is 'Every use of a key and every end of a call, append-only, in daily partitions (UTC).';
comment on column usage_events.ordinal is 'Position inside the batch, from 0.';
comment on column usage_events.kind is 'used: KeyUsed, a key was presented · completed: CallCompleted, an authorised call ended';
comment on column usage_events.action is 'verify, check, call or manage: what the key was presented for';
comment on column usage_events.code is 'used: valid, or the error code of the denial · completed: success or error';
comment on column usage_events.key_id is 'Null where the presented secret is nobody''s.';
comment on column usage_events.call_id is 'completed: the event_id of the use that authorised the call';
comment on column usage_events.billed is 'used: counts towards the quota of the organization; see billed_uses';
comment on column usage_events.body is 'The exact canonical bytes; the other columns are an index into it.';
create index usage_events_by_key on usage_events (key_id, occurred_at desc, event_id desc)
    where key_id is not null;
create index usage_events_by_call on usage_events (call_id) where call_id is not null;

create trigger usage_batches_append_only before update or delete on usage_batches
    for each row execute function log_is_append_only();
create trigger usage_batches_never_truncated before truncate on usage_batches
    for each statement execute function log_is_append_only();
create trigger usage_events_append_only before update or delete on usage_events
    for each row execute function log_is_append_only();
create trigger usage_events_never_truncated before truncate on usage_events
    for each statement execute function log_is_append_only();

create function usage_partition_ensure(in_day date) returns boolean
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    partition_name text := 'usage_events_' || to_char(in_day, 'YYYYMMDD');
    lower_bound timestamptz := in_day::timestamp at time zone 'UTC';
    upper_bound timestamptz := (in_day + 1)::timestamp at time zone 'UTC';
begin
    -- One at a time: two processes meet at midnight.
    perform pg_advisory_xact_lock(hashtext('usage_partition_ensure'));
    if to_regclass('public.' || partition_name) is not null then
        return false;
    end if;
    -- Made apart and attached with its check in place: attaching takes a lock that readers and writers do not feel.
    execute format('create table public.%I (like public.usage_events including all)', partition_name);
    -- Policies are those of the table that it is read through; by its own name it shows nothing.
    execute format('alter table public.%I enable row level security', partition_name);
    execute format(
        'alter table public.%I add constraint partition_bounds check (occurred_at >= %L and occurred_at < %L)',
        partition_name, lower_bound, upper_bound);
    execute format(
        'create trigger never_truncated before truncate on public.%I for each statement execute function public.log_is_append_only()',
        partition_name);
    execute format(
        'alter table public.usage_events attach partition public.%I for values from (%L) to (%L)',
        partition_name, lower_bound, upper_bound);
    execute format('alter table public.%I drop constraint partition_bounds', partition_name);
    return true;
end
$$;
comment on function usage_partition_ensure is
    'Makes the partition of a UTC day if it is not there. Runs as the owner: the application''s role makes no tables.';

-- Uses are written by the gate alone (0006).
grant select on usage_batches, usage_events to keyledger_app;
revoke insert, update, delete, truncate on usage_batches, usage_events from keyledger_app;
grant execute on function usage_partition_ensure to keyledger_app;
