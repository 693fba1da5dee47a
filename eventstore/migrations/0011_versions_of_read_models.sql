-- Versions of read models: the live one, those that are made beside it, and those that it took the place of.

alter table checkpoints add column place text not null default 'public';
comment on column checkpoints.place is
    'The schema in which the tables of this version are. public: the live one, which is what everybody reads.';
create unique index checkpoints_live on checkpoints (projection, log, lane) where place = 'public';

create table stopped_lanes (
    projection text     not null,
    version    integer  not null,
    log        text     not null check (log in ('lifecycle', 'usage')),
    lane       smallint not null,
    position   bigint   not null,
    reason     text     not null,
    stopped_at timestamptz not null,
    primary key (projection, version, log, lane)
);
comment on table stopped_lanes is
    'Where a read model can not go on. It is tried again at every run and the row goes when that succeeds; other lanes go on.';
comment on column stopped_lanes.position is 'The position that can not be applied: the one after the checkpoint.';

create table skipped_positions (
    projection text     not null,
    log        text     not null check (log in ('lifecycle', 'usage')),
    lane       smallint not null,
    position   bigint   not null,
    problem    text     not null,
    reason     text     not null check (reason <> ''),
    skipped_by text     not null,
    skipped_at timestamptz not null,
    primary key (projection, log, lane, position)
);
comment on table skipped_positions is
    'What a read model was told to leave out, by whom and why. Every version of it leaves the same out.';
comment on column skipped_positions.problem is 'Why the lane had stopped there.';
create trigger skipped_positions_are_kept before update or delete on skipped_positions
    for each row execute function log_is_append_only();

grant select on stopped_lanes, skipped_positions to keyledger_app;
grant insert, update, delete on stopped_lanes to keyledger_worker;
grant insert on skipped_positions to keyledger_worker;
