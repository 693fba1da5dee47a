-- How far each read model that follows a log has come.

create table checkpoints (
    projection text     not null,
    version    integer  not null,
    log        text     not null check (log in ('lifecycle', 'usage')),
    lane       smallint not null,
    position   bigint   not null default 0,
    primary key (projection, version, log, lane)
);
comment on table checkpoints is
    'Advanced by compare-and-swap in the transaction that applies the events: a batch is applied once, whoever tries.';
grant select, insert, update, delete on checkpoints to keyledger_app;
