-- What was used, counted. Follows the usage log: see projections/usage/apply.py for what counts as what.

create table usage_counts (
    lane            smallint not null,
    hour            timestamptz not null,
    organization_id text collate "C" not null,
    key_id          text collate "C" not null,
    mcp_id          text collate "C" not null,
    tool            text collate "C" not null,
    kind            text     not null,
    action          text     not null,
    code            text     not null,
    events          bigint   not null check (events > 0),
    primary key (key_id, hour, organization_id, mcp_id, tool, kind, action, code, lane)
) with (fillfactor = 80); -- the running hour is counted up in place
comment on table usage_counts is
    'Usage events by hour. The sum over a lane is the number of events of that lane up to its checkpoint: nothing is left out.';
comment on column usage_counts.lane is
    'Part of the key, so that lanes never wait for each other''s counts and each can be checked on its own.';
comment on column usage_counts.hour is
    'The beginning of the hour (UTC): of a use its own, of the end of a call that of the use which authorised it.';
comment on column usage_counts.organization_id is 'Empty where the presented secret is nobody''s; key_id likewise.';
comment on column usage_counts.mcp_id is 'Empty where none was named, and where nothing of that name is known to exist.';
comment on column usage_counts.tool is 'Its first 256 characters; empty as mcp_id is.';
comment on column usage_counts.kind is 'used, completed: as in usage_events; action and code likewise';

create table key_usage (
    key_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    total_requests  bigint not null check (total_requests >= 0),
    last_used       timestamptz not null
) with (fillfactor = 80);
comment on table key_usage is 'One row a key that was ever used.';
comment on column key_usage.total_requests is 'Accepted uses with action verify, check or call.';
comment on column key_usage.last_used is
    'The last accepted use of any kind: also for management, and also to ask about another key.';

create table key_usage_days (
    key_id          text collate "C" not null,
    organization_id text collate "C" not null,
    day             date   not null,
    requests        bigint not null check (requests > 0),
    primary key (key_id, day)
) with (fillfactor = 80);
comment on table key_usage_days is 'total_requests by day (UTC): a month of a key is one short range of the index.';
create index key_usage_days_by_organization on key_usage_days (organization_id, day);

create table key_secret_usage (
    key_id          text collate "C" not null,
    organization_id text collate "C" not null,
    secret_version  integer not null,
    last_used       timestamptz not null,
    primary key (key_id, secret_version)
) with (fillfactor = 80);
comment on table key_secret_usage is
    'The last accepted use of each secret of a key: shows when a rotated secret is out of use everywhere.';

create table mcp_usage (
    mcp_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    total_requests  bigint not null check (total_requests > 0),
    last_active     timestamptz not null
) with (fillfactor = 80);
comment on table mcp_usage is 'One row an MCP that was ever asked for by an accepted request.';

create table mcp_usage_days (
    mcp_id          text collate "C" not null,
    organization_id text collate "C" not null,
    day             date   not null,
    requests        bigint not null check (requests > 0),
    primary key (mcp_id, day)
) with (fillfactor = 80);
comment on table mcp_usage_days is 'total_requests of an MCP by day (UTC).';

create table mcp_calls (
    mcp_id          text collate "C" primary key,
    organization_id text collate "C" not null,
    completed       bigint not null check (completed > 0),
    failed          bigint not null check (failed between 0 and completed),
    latency_ms      bigint not null
) with (fillfactor = 80);
comment on table mcp_calls is 'One row an MCP that was ever called: how its calls ended.';
comment on column mcp_calls.latency_ms is 'The sum over all that completed.';

-- A histogram is an array: element n counts what lies in bucket n of projections/usage/latency.py, and is null where
-- nothing does. It begins at 1, and ends with the last bucket that holds anything; of nothing at all it is {null}.

create function histogram(in_buckets integer[], in_counts bigint[]) returns bigint[]
    language plpgsql immutable strict parallel safe as $$
declare
    histogram bigint[] := '{null}'; -- so that it begins at 1 whichever bucket comes first
begin
    for n in 1 .. cardinality(in_buckets) loop
        histogram[in_buckets[n]] := in_counts[n];
    end loop;
    return histogram;
end
$$;
comment on function histogram is 'The one that counts in_counts[n] in bucket in_buckets[n]; a bucket may come but once.';

create function histogram_sum(in_one bigint[], in_other bigint[]) returns bigint[]
    language plpgsql immutable strict parallel safe as $$
begin
    for bucket in 1 .. cardinality(in_other) loop
        if in_other[bucket] is not null then
            in_one[bucket] := coalesce(in_one[bucket], 0) + in_other[bucket];
        end if;
    end loop;
    return in_one;
end
$$;
comment on function histogram_sum is 'Bucket by bucket. In a loop, because that is three times as fast as a query over both.';

create table usage_days (
    key_id          text collate "C" not null,
    day             date   not null,
    mcp_id          text collate "C" not null,
    tool            text collate "C" not null,
    organization_id text collate "C" not null,
    requests        bigint not null check (requests >= 0),
    denied          bigint not null check (denied >= 0),
    failed          bigint not null check (failed >= 0),
    latencies       bigint[] not null,
    primary key (key_id, day, mcp_id, tool)
) with (fillfactor = 80);
comment on table usage_days is
    'What a key was used for, by day (UTC). The end of a call counts on the day of the use that authorised it.';
comment on column usage_days.requests is 'As total_requests.';
comment on column usage_days.denied is 'Uses with action verify, check or call that were refused.';
comment on column usage_days.failed is 'Those of requests whose call ended with an error.';
comment on column usage_days.latencies is 'How long the calls took that ended: a histogram.';

create table organization_usage_days (
    organization_id text collate "C" not null,
    day             date   not null,
    mcp_id          text collate "C" not null,
    requests        bigint not null check (requests >= 0),
    denied          bigint not null check (denied >= 0),
    failed          bigint not null check (failed >= 0),
    billed          bigint not null check (billed between 0 and requests),
    primary key (organization_id, day, mcp_id)
) with (fillfactor = 50);
comment on table organization_usage_days is 'The sum over all keys of an organization in usage_days, tools left out.';
comment on column organization_usage_days.billed is 'Those of requests that count towards the quota of the plan.';

grant select, insert, update on
    usage_days, organization_usage_days, usage_counts, key_usage, key_usage_days, key_secret_usage, mcp_usage, mcp_usage_days, mcp_calls
to keyledger_app;

call fence('usage_counts');
call fence('key_usage');
call fence('key_usage_days');
call fence('key_secret_usage');
call fence('mcp_usage');
call fence('mcp_usage_days');
call fence('mcp_calls');
call fence('usage_days');
call fence('organization_usage_days');
