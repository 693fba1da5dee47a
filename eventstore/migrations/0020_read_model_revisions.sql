-- With which revision of its derivation the rows of each read model were made (projections/rebuild/revisions.py).

create table read_model_revisions (
    model     text primary key,
    revision  integer not null check (revision > 0),
    making    integer check (making > revision),
    made_at   timestamptz not null default now()
);
comment on table read_model_revisions is 'A read model without a row is of revision 1.';
comment on column read_model_revisions.making is
    'The revision that a version beside the live one is being made with. One that was begun with another is dropped, not resumed.';

grant select on read_model_revisions to keyledger_app;
