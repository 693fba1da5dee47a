-- Where the uses of each organization are in the log. See projections/read_models/usage/organization_batches/apply.py.

create table organization_batches (
    organization_id text collate "C" not null,
    occurred_at     timestamptz not null,
    lane            smallint not null,
    batch_no        bigint   not null,
    ordinals        integer[] not null check (cardinality(ordinals) > 0),
    primary key (organization_id, occurred_at, lane, batch_no)
);
comment on table organization_batches is
    'One row for each organization that has uses in a batch of the log. Rows stay when retention removes their uses.';
comment on column organization_batches.occurred_at is 'The instant of the batch and of all its uses.';
comment on column organization_batches.ordinals is
    'The positions of the uses in the batch, ascending. Ends of calls are not included.';

grant select, insert on organization_batches to keyledger_app;

call enable_tenant_isolation('organization_batches');
