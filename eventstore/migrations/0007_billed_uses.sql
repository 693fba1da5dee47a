-- How many uses count towards the quota of each organization, month by month: so that a quota is looked up, not counted.

create table billed_uses (
    organization_id text collate "C" not null,
    month           date     not null,
    lane            smallint not null,
    uses            bigint   not null check (uses > 0),
    primary key (organization_id, month, lane)
) with (fillfactor = 50); -- counted up with every batch, in place
comment on table billed_uses is
    'The events of the usage log that say they are billed, counted by the statement that appends them: equal to the log at all times.';
comment on column billed_uses.month is 'Its first day (UTC).';
comment on column billed_uses.lane is
    'Part of the key: only those who write to the same lane meet here, and they hold its head already. At most 64 rows are a month.';

grant select on billed_uses to keyledger_app;
call fence('billed_uses');
grant select, insert, update on billed_uses to keyledger_gate;
create policy counted_uses on billed_uses to keyledger_gate using (true) with check (true);
