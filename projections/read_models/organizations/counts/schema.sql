-- One row an organization: what its plan limits count. Locked before a decision that changes the size of a set, so that a
-- limit holds under any number of requests at once. Inline: it changes with the log in one transaction.

create table organization_guard (
    organization_id text collate "C" primary key,
    plan            text    not null,
    keys_active     integer not null default 0 check (keys_active >= 0),
    keys_disabled   integer not null default 0 check (keys_disabled >= 0),
    mcps            integer not null default 0 check (mcps >= 0),
    members         integer not null default 0 check (members >= 0)
) with (fillfactor = 50);
comment on table organization_guard is 'Equal, at all times, to a count over the folded log.';

grant select, insert, update on organization_guard to keyledger_app;
call fence('organization_guard');
