-- begin
begin

-- bind
-- Limits the rows that row-level security shows to this organization, until the end of the transaction. $1 organization
select set_config('keyledger.organization_id', %s, true)

-- commit
commit

-- outcome_lock
-- Held until the end of the transaction. Another transaction that gets it knows that the first one has ended.
-- $1 a random number
select pg_advisory_xact_lock(%s::bigint)

-- event_find
-- Whether an event is in the log. $1 stream, $2 version, $3 id of the event
select 1 from events where stream_id = %s and version = %s and event_id = %s

-- stream_load
-- The records of a stream, oldest first. A stream of another organization or another kind has no rows.
-- $1 stream id, $2 organization id, $3 kind
select e.body from streams s join events e on e.stream_id = s.stream_id and e.organization_id = s.organization_id
where s.stream_id = %s and s.organization_id = %s and s.kind = %s
order by e.version

-- streams_load
-- The records of several streams, each oldest first. $1 stream ids, $2 organization id
select stream_id, body from events
where stream_id = any(%s::text[]) and organization_id = %s
order by stream_id, version

-- stream_advance
-- Advances the stream, or raises KL001. $1 stream, $2 kind, $3 organization, $4 version decided upon, $5 next version
select stream_advance(%s, %s, %s, %s, %s)

-- events_append
-- Locks the lane's head row and inserts the events. Must be the last statement before commit.
-- $1 lane, $2 stream, $3 organization, $4 first version, $5.. ids, types, times, bodies
select events_append(%s::smallint, %s, %s, %s, %s::text[], %s::text[], %s::timestamptz[], %b::bytea[])

-- idempotency_claim
-- True if no other transaction is working on this key. The claim ends with the transaction.
-- $1 caller, $2 key
select pg_try_advisory_xact_lock(hashtextextended(%s::text || chr(10) || %s::text, 7001))

-- idempotency_hold
-- The same claim for a request of several transactions. It ends with the connection. $1 caller, $2 key
select pg_try_advisory_lock(hashtextextended(%s::text || chr(10) || %s::text, 7001))

-- idempotency_find
-- The stored response to a key, if it has not expired.
-- $1 caller, $2 key, $3 the oldest response that has not expired
select fingerprint, status, answer, revision from idempotency_keys
where caller = %s and key = %s and answered_at > %s

-- idempotency_store
-- Stores a response in place of an expired one. It belongs to the organization that is bound.
-- $1 caller, $2 key, $3 fingerprint, $4 status, $5 response, $6 revision, $7 now
insert into idempotency_keys (caller, key, organization_id, fingerprint, status, answer, revision, answered_at)
values (%s, %s, bound_organization(), %s, %s, %s, %s, %s)
on conflict (caller, key) do update
set fingerprint = excluded.fingerprint, status = excluded.status, answer = excluded.answer,
    revision = excluded.revision, answered_at = excluded.answered_at

-- idempotency_start
-- Claims a key for a call that is about to be made. Returns no row if the key has a claim or response that has not
-- expired.
-- $1 caller, $2 key, $3 fingerprint, $4 id of the call, $5 now, $6 when it must have ended, $7 the oldest unexpired one
insert into idempotency_keys as k (
    caller, key, organization_id, fingerprint, status, answer, answered_at, ends_by
)
values (%s, %s, bound_organization(), %s, 0, %s, %s, %s)
on conflict (caller, key) do update
set fingerprint = excluded.fingerprint, status = 0, answer = excluded.answer, revision = null,
    answered_at = excluded.answered_at, ends_by = excluded.ends_by
where k.answered_at <= %s
returning 1

-- idempotency_find_call
-- The claim of a call, or its response. $1 caller, $2 key
select fingerprint, status, answer, answered_at, ends_by from idempotency_keys where caller = %s and key = %s

-- idempotency_release
-- Removes the claim of a call that was not made. $1 caller, $2 key, $3 id of the call that has the key
delete from idempotency_keys where caller = %s and key = %s and status = 0 and answer = %s

-- idempotency_forget
-- Removes a bounded number of expired responses. $1 the oldest response that has not expired
delete from idempotency_keys where ctid = any(array(
    select ctid from idempotency_keys where answered_at <= %s order by answered_at limit 10000
))

-- usage_append
-- Appends one batch: advances the lane's head, inserts the batch and its events, counts the billed ones and commits.
-- Returns the number of events inserted. The columns are read from the stored bytes, so the two cannot disagree. The
-- array is sent in binary format: as text, bytes cost the driver fifty times as much.
-- $1 lane, $2 producer, $3 sequence, $4 size, $5 time, $6 bodies
with batch as (
    select %s::smallint as lane, %s::text as producer, %s::bigint as sequence, %s::int as size, %s::timestamptz as at
), head as (
    update lane_heads h set head = h.head + 1
    from batch where h.log = 'usage' and h.lane = batch.lane
    returning h.head
), kept as (
    insert into usage_batches (lane, batch_no, producer, sequence, size, occurred_at)
    select b.lane, head.head, b.producer, b.sequence, b.size, b.at from batch b, head
), event as materialized (
    select u.ordinal, u.body, e.*
    from unnest(%b::bytea[]) with ordinality as u (body, ordinal),
         json_to_record(convert_from(u.body, 'UTF8')::json) as e (
             type text, id text, action text, code text, status text, organization_id text, key_id text,
             caller_key_id text, mcp_id text, tool text, secret_version int, call_id text, latency_ms int, billed boolean,
             ends_previous boolean, caller_secret_version int, caller_version int
         )
), used_secret as (
    -- Sorted by id, so that two batches that use the same keys wait for each other without a deadlock.
    insert into used_secrets as known (key_id, organization_id, secret_version, used_at)
    -- A use can be the first one of two secrets: of the key that was presented, and of the key that made the verify
    -- call.
    select distinct on (u.key_id) u.key_id, e.organization_id, u.secret_version, b.at
    from head, batch b, event e, lateral (values
        (case when e.ends_previous then e.key_id end, e.secret_version),
        (case when e.caller_secret_version is not null then e.caller_key_id end, e.caller_secret_version)
    ) as u (key_id, secret_version)
    where u.key_id is not null
    order by u.key_id, u.secret_version desc
    on conflict (key_id) do update set secret_version = excluded.secret_version, used_at = excluded.used_at
    where known.secret_version < excluded.secret_version
), billed as (
    -- Selected from the head row, and therefore under its lock: another counter of this lane comes after the commit.
    insert into billed_uses as counted (organization_id, month, lane, uses)
    select e.organization_id, (date_trunc('month', b.at, 'UTC') at time zone 'UTC')::date, b.lane, count(*)
    from head, batch b, event e
    where e.billed
    group by e.organization_id, b.at, b.lane
    on conflict (organization_id, month, lane) do update set uses = counted.uses + excluded.uses
)
insert into usage_events (
    lane, batch_no, ordinal, occurred_at, event_id, kind, action, code,
    organization_id, key_id, caller_key_id, mcp_id, tool, secret_version, call_id, latency_ms, billed, caller_version,
    body
)
select b.lane, head.head, e.ordinal - 1, b.at, e.id,
       case e.type when 'api_key.used' then 'used' else 'completed' end,
       coalesce(e.action, 'call'), coalesce(e.code, e.status),
       e.organization_id, e.key_id, e.caller_key_id, e.mcp_id, e.tool, e.secret_version, e.call_id, e.latency_ms,
       coalesce(e.billed, false), e.caller_version, e.body
from batch b, head, event e

-- usage_batch_find
-- Returns whether a batch whose commit was not confirmed is in the log. $1 producer, $2 sequence
select 1 from usage_batches where producer = %s and sequence = %s

-- usage_partition_ensure
-- Creates the partition of a day unless it exists. $1 a day (UTC)
select usage_partition_ensure(%s::date)

-- lifecycle_read
-- The next records of a lane. $1 lane, $2 the last position read, $3 maximum rows
select position, body, stream_id, version, event_id, type, organization_id, occurred_at from events
where lane = %s and position > %s
order by position
limit %s

-- usage_read_batches
-- The next batches of a lane. $1 lane, $2 the last batch read, $3 maximum rows
select batch_no, size, occurred_at from usage_batches
where lane = %s and batch_no > %s
order by batch_no
limit %s

-- lane_heads
-- The last position of every lane of a log. $1 log
select lane, head from lane_heads where log = %s order by lane

-- streams_all
-- The current version of every stream.
select stream_id, kind, organization_id, version from streams

-- usage_sizes_wrong
-- Batches that contain another number of events than they declare, and events without a batch. Batches of a removed day
-- contain none.
select lane, batch_no, coalesce(b.size, 0), coalesce(e.found, 0)
from (
    select a.lane, a.batch_no, case when r.day is null then a.size end as size
    from usage_batches a left join usage_removals r on r.day = (a.occurred_at at time zone 'UTC')::date
) b
full join (
    select lane, batch_no, count(*) as found from usage_events group by lane, batch_no
) e using (lane, batch_no)
where b.size is distinct from e.found
order by lane, batch_no
limit 50
