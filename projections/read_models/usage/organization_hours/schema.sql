-- What an organization was used for, by hour. See projections/read_models/usage/organization_hours/apply.py.

create table organization_usage_hours (
    organization_id text collate "C" not null,
    hour            timestamptz not null,
    mcp_id          text collate "C" not null,
    action          text     not null,
    code            text     not null,
    uses            bigint   not null check (uses >= 0),
    failed          bigint   not null check (failed >= 0),
    latencies       bigint[] not null,
    primary key (organization_id, hour, mcp_id, action, code)
) with (fillfactor = 50); -- the rows of the running hour are counted up in place
comment on table organization_usage_hours is
    'Every use and every end of a call, summed up over the keys and tools of an organization. Nothing is left out.';
comment on column organization_usage_hours.organization_id is 'Empty where the presented secret belongs to no key.';
comment on column organization_usage_hours.hour is
    'The beginning of the hour (UTC): of a use its own, of the end of a call that of the use that authorized it.';
comment on column organization_usage_hours.mcp_id is
    'Empty where none was named, where the use was refused before the MCP server was looked up, and where it does not exist.';
comment on column organization_usage_hours.action is 'verify, check, call or manage: as in usage_events';
comment on column organization_usage_hours.code is
    'valid, or the error code of the refusal. The end of a call belongs to the row of accepted calls.';
comment on column organization_usage_hours.uses is 'Uses, without ends of calls. 0: so far only an end was counted.';
comment on column organization_usage_hours.failed is 'Calls that ended with an error.';
comment on column organization_usage_hours.latencies is 'The durations of the calls that ended, as in usage_days: a histogram.';

grant select, insert, update on organization_usage_hours to keyledger_app;

call enable_tenant_isolation('organization_usage_hours');
