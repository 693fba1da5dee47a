-- The uses of an organization by hour without its MCP servers: a month is a few thousand rows for any number of servers.

create table organization_hour_totals (
    organization_id text collate "C" not null,
    hour            timestamptz not null,
    action          text     not null,
    code            text     not null,
    uses            bigint   not null check (uses >= 0),
    failed          bigint   not null check (failed >= 0),
    latencies       bigint[] not null,
    primary key (organization_id, hour, action, code)
) with (fillfactor = 50);
comment on table organization_hour_totals is
    'The sum of organization_usage_hours over all MCP servers, with columns of the same meaning.';

-- From the table and not from the log, because days may have been removed from the log. Every array begins with bucket 1,
-- and unnest returns its nulls too, so the sums by bucket are a complete array again.
insert into organization_hour_totals (organization_id, hour, action, code, uses, failed, latencies)
select organization_id, hour, action, code, c.uses, c.failed, l.latencies
from (
    select organization_id, hour, action, code, sum(uses) as uses, sum(failed) as failed
    from organization_usage_hours
    group by organization_id, hour, action, code
) as c
join (
    select organization_id, hour, action, code, array_agg(calls order by bucket) as latencies
    from (
        select organization_id, hour, action, code, bucket, sum(calls)::bigint as calls
        from organization_usage_hours, unnest(latencies) with ordinality as histogram (calls, bucket)
        group by organization_id, hour, action, code, bucket
    ) as buckets
    group by organization_id, hour, action, code
) as l using (organization_id, hour, action, code);

grant select, insert, update on organization_hour_totals to keyledger_app;

call enable_tenant_isolation('organization_hour_totals');
