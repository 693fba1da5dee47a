-- Refusals of a key by reason and day: a report of months reads a few rows for each day, for any number of uses.

create table key_refusal_days (
    key_id          text collate "C" not null,
    day             date   not null,
    code            text collate "C" not null,
    organization_id text collate "C" not null,
    denied          bigint not null check (denied > 0),
    primary key (key_id, day, code)
) with (fillfactor = 80);
comment on table key_refusal_days is 'usage_days.denied by the error code of the refusal. A day is a UTC day.';

-- From the table and not from the log, because days may have been removed from the log.
insert into key_refusal_days (key_id, day, code, organization_id, denied)
select key_id, (hour at time zone 'UTC')::date, code, min(organization_id), sum(events)
from usage_counts
where key_id <> '' and organization_id <> '' and kind = 'used' and code <> 'valid'
  and action in ('verify', 'check', 'call')
group by 1, 2, 3;

grant select, insert, update on key_refusal_days to keyledger_app;

call enable_tenant_isolation('key_refusal_days');
