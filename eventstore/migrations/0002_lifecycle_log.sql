-- The log of changes. See ARCHITECTURE.md for how it is written and read.

create table lane_heads (
    log  text     not null check (log in ('lifecycle', 'usage')),
    lane smallint not null check (lane between 0 and 63),
    head bigint   not null default 0,
    primary key (log, lane)
) with (fillfactor = 10); -- one row a page, nearly: heads are the hottest rows, and HOT updates need room
comment on table lane_heads is
    'One row a lane: the last position handed out. An append locks it last and holds it only for insert and commit, so inside a lane position order is commit order and there are no holes.';
insert into lane_heads (log, lane)
select log, lane from unnest(array['lifecycle', 'usage']) as log, generate_series(0, 63) as lane;

create table streams (
    stream_id       text collate "C" primary key,
    kind            text     not null,
    organization_id text collate "C" not null,
    version         integer  not null check (version > 0)
);
comment on table streams is 'One row an aggregate: its kind, its organization and the version of its last event.';

-- Immutable, as a generated column has to be: the bytes of a record are UTF-8 and JSON, and never change.
create function record_origin(in_body bytea, variadic in_path text[]) returns text
    language sql immutable parallel safe return convert_from(in_body, 'UTF8')::json #>> (array['origin'] || in_path);

create table events (
    lane            smallint not null,
    position        bigint   not null,
    stream_id       text collate "C" not null,
    version         integer  not null,
    event_id        text collate "C" not null unique,
    type            text     not null,
    organization_id text collate "C" not null,
    occurred_at     timestamptz not null,
    body            bytea    not null,
    actor_id        text collate "C" not null generated always as (record_origin(body, 'actor', 'id')) stored,
    ip              text collate "C" generated always as (record_origin(body, 'ip')) stored,
    primary key (lane, position),
    unique (stream_id, version)
);
comment on table events is 'Lifecycle events, append-only. The columns beside body are an index into it.';
comment on column events.lane is 'Follows from the organization: all of its events lie in one lane.';
comment on column events.position is 'Contiguous from 1 inside the lane.';
comment on column events.type is 'Wire name, past tense, such as api_key.created.';
comment on column events.body is
    'The exact canonical bytes (deterministic JSON) of the whole record: id, type, schema, stream, version, time, actor, origin, data, and the SHA-256 of the stream''s previous body. Hashed as stored, never written anew.';
comment on column events.actor_id is 'Who caused it, read from the body: what an audit asks for, as ip is.';
create index events_by_organization on events (organization_id, position);
create index events_by_time on events (organization_id, occurred_at, position);
create index events_by_type on events (organization_id, type, position);
create index events_by_actor on events (organization_id, actor_id, position);
create index events_by_ip on events (organization_id, ip, position) where ip is not null;

create function log_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name
        using errcode = 'KL002';
end
$$;

create trigger events_append_only before update or delete on events
    for each row execute function log_is_append_only();
create trigger events_never_truncated before truncate on events
    for each statement execute function log_is_append_only();

create function stream_advance(
    in_stream text, in_kind text, in_organization text, in_expected integer, in_next integer
) returns void language plpgsql as $$
begin
    if in_expected = 0 then
        begin
            insert into streams (stream_id, kind, organization_id, version)
            values (in_stream, in_kind, in_organization, in_next);
        exception when unique_violation then
            raise exception 'stream % exists', in_stream using errcode = 'KL001';
        end;
    else
        update streams set version = in_next where stream_id = in_stream and version = in_expected;
        if not found then
            raise exception 'stream % is not at version %', in_stream, in_expected using errcode = 'KL001';
        end if;
    end if;
end
$$;
comment on function stream_advance is
    'Moves a stream from the version that was decided upon to the next. KL001: someone else was faster; decide again.';

create function events_append(
    in_lane smallint, in_stream text, in_organization text, in_first_version integer,
    in_ids text[], in_types text[], in_times timestamptz[], in_bodies bytea[]
) returns bigint language plpgsql as $$
declare
    new_head bigint;
begin
    update lane_heads set head = head + cardinality(in_ids)
    where log = 'lifecycle' and lane = in_lane
    returning head into strict new_head;
    insert into events (lane, position, stream_id, version, event_id, type, organization_id, occurred_at, body)
    select in_lane, new_head - cardinality(in_ids) + e.ordinality, in_stream, in_first_version + e.ordinality - 1,
           e.id, e.type, in_organization, e.at, e.body
    from unnest(in_ids, in_types, in_times, in_bodies) with ordinality as e (id, type, at, body);
    return new_head;
end
$$;
comment on function events_append is
    'Takes positions from the lane head and writes the events there. The last statement before commit: whoever holds the head row stops the lane.';

grant select, update on lane_heads to keyledger_app;
grant select, insert, update on streams to keyledger_app;
grant select, insert on events to keyledger_app;
revoke update, delete, truncate on events from keyledger_app;
