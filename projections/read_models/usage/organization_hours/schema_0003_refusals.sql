-- Refusals of an organization by reason and day: a year is a few thousand rows, for any number of uses.

create table organization_refusal_days (
    organization_id text collate "C" not null,
    day             date   not null,
    code            text collate "C" not null,
    denied          bigint not null check (denied > 0),
    primary key (organization_id, day, code)
) with (fillfactor = 50);
comment on table organization_refusal_days is
    'The refused uses of organization_hour_totals, except of management, by the error code. A day is a UTC day.';

-- From the table and not from the log, because days may have been removed from the log.
insert into organization_refusal_days (organization_id, day, code, denied)
select organization_id, (hour at time zone 'UTC')::date, code, sum(uses)
from organization_hour_totals
where code <> 'valid' and uses > 0 and action in ('verify', 'check', 'call')
group by 1, 2, 3;

grant select, insert, update on organization_refusal_days to keyledger_app;

call enable_tenant_isolation('organization_refusal_days');
