-- Uses that are older than any plan promises to keep them leave the log, a day at a time (docs/decisions/0027). What is
-- known of a day that left stays, so that counts can still be proven. usage_batches stay: lanes remain contiguous.

create table usage_removals (
    day           date primary key,
    removed_at    timestamptz not null,
    events        bigint not null check (events >= 0),
    export        text,
    export_sha256 bytea,
    check ((export is null) = (export_sha256 is null))
);
comment on table usage_removals is 'One row a day (UTC) whose uses were removed, written in the transaction that removes them.';
comment on column usage_removals.export is 'The name of the file that they were written to before; null: they were to be removed without one.';
comment on column usage_removals.export_sha256 is 'SHA-256 of that file.';

create table usage_removal_lanes (
    day           date     not null references usage_removals,
    lane          smallint not null,
    first_batch   bigint   not null,
    last_batch    bigint   not null check (last_batch >= first_batch),
    batches       bigint   not null check (batches > 0),
    events        bigint   not null check (events >= batches),
    bodies_sha256 bytea    not null check (length(bodies_sha256) = 32),
    primary key (day, lane)
);
comment on table usage_removal_lanes is 'Which batches of a lane a removed day held.';
comment on column usage_removal_lanes.last_batch is 'Not every batch from the first to this one: around midnight two days lie side by side in a lane.';
comment on column usage_removal_lanes.bodies_sha256 is 'See usage_day_summary.';

create table usage_removal_bills (
    organization_id text collate "C" not null,
    day             date     not null references usage_removals,
    lane            smallint not null,
    uses            bigint   not null check (uses > 0),
    primary key (organization_id, day, lane)
);
comment on table usage_removal_bills is 'The billed uses of a removed day: what billed_uses counted of it.';
call fence('usage_removal_bills');

do $$
declare
    name text;
begin
    foreach name in array array['usage_removals', 'usage_removal_lanes', 'usage_removal_bills'] loop
        execute format(
            'create trigger append_only before update or delete on %I for each row execute function log_is_append_only()', name);
        execute format(
            'create trigger never_truncated before truncate on %I for each statement execute function log_is_append_only()', name);
    end loop;
end
$$;
grant select on usage_removals, usage_removal_lanes, usage_removal_bills to keyledger_app;

create function usage_day_summary(in_day date) returns table (
    lane smallint, first_batch bigint, last_batch bigint, batches bigint, events bigint, bodies_sha256 bytea
) language sql stable as $$
    select b.lane, min(b.batch_no), max(b.batch_no), count(*), sum(b.events)::bigint,
           sha256(string_agg(b.digest, ''::bytea order by b.batch_no))
    from (
        select u.lane, u.batch_no, count(*) as events, sha256(string_agg(sha256(u.body), ''::bytea order by u.ordinal)) as digest
        from public.usage_events u
        where u.occurred_at >= in_day::timestamp at time zone 'UTC' and u.occurred_at < (in_day + 1)::timestamp at time zone 'UTC'
        group by u.lane, u.batch_no
    ) as b
    group by b.lane
    order by b.lane
$$;
comment on function usage_day_summary is
    'What the log holds of a day, by lane. bodies_sha256: the SHA-256 of the digests of its batches in order; of a batch, the SHA-256 of the SHA-256 of each body in order.';

create function usage_removals_hold() returns void language sql as $$
    select pg_advisory_xact_lock(hashtext('usage_day_remove'))
$$;
comment on function usage_removals_hold is
    'Until the transaction ends no day leaves: for whoever looks at what is gone and then relies on what is there.';

create function usage_day_remove(
    in_day date, in_lanes smallint[], in_events bigint[], in_sha256 bytea[], in_followers text[],
    in_export text, in_export_sha256 bytea, in_at timestamptz
) returns bigint language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    partition_name text := 'usage_events_' || to_char(in_day, 'YYYYMMDD');
    problem text;
    total bigint;
begin
    perform public.usage_removals_hold();
    if to_regclass('public.' || partition_name) is null then
        raise exception 'there is no partition of %', in_day using errcode = 'KL003';
    end if;
    if in_day >= date_trunc('month', now() at time zone 'UTC')::date then
        raise exception '% is of the current month, which quotas are about', in_day using errcode = 'KL003';
    end if;
    select min(i.inhrelid::regclass::text) into problem
    from pg_inherits i where i.inhparent = 'public.usage_events'::regclass and i.inhrelid::regclass::text < partition_name;
    if problem is not null then
        raise exception '% is older and still there: the oldest day leaves first', problem using errcode = 'KL003';
    end if;

    -- From here on nothing more is written into it; it can still be read.
    execute format('lock table only public.%I in share mode', partition_name);
    create temporary table leaving on commit drop as select * from public.usage_day_summary(in_day);

    if (select (array_agg(l.lane order by l.lane), array_agg(l.events order by l.lane), array_agg(l.bodies_sha256 order by l.lane))
        from pg_temp.leaving l)
       is distinct from
       (select (array_agg(g.lane order by g.lane), array_agg(g.events order by g.lane), array_agg(g.digest order by g.lane))
        from unnest(in_lanes, in_events, in_sha256) as g (lane, events, digest))
    then
        raise exception 'the log holds something else of % than it was said to', in_day using errcode = 'KL003';
    end if;
    select format('lane %s: its batches say %s events, and %s are there', l.lane, sum(b.size), l.events) into problem
    from pg_temp.leaving l join public.usage_batches b
      on b.lane = l.lane and b.batch_no between l.first_batch and l.last_batch
     and (b.occurred_at at time zone 'UTC')::date = in_day
    group by l.lane, l.events, l.batches
    having (count(*), sum(b.size)) is distinct from (l.batches, l.events::numeric)
    order by l.lane limit 1;
    if problem is not null then
        raise exception '%, %', in_day, problem using errcode = 'KL003';
    end if;

    -- Whoever follows the log, and every version that is being made beside a live one, has to be past it.
    select format('%s (%s) has not applied lane %s up to batch %s', f.projection, f.place, l.lane, l.last_batch) into problem
    from (
        select name as projection, 'public' as place from unnest(in_followers) as name
        union
        select distinct c.projection, c.place from public.checkpoints c where c.log = 'usage' and c.place !~ '_old_\d+$'
    ) as f
    cross join pg_temp.leaving l
    left join public.checkpoints c
      on c.projection = f.projection and c.place = f.place and c.log = 'usage' and c.lane = l.lane
    where coalesce(c.position, 0) < l.last_batch
    order by f.projection, f.place, l.lane limit 1;
    if problem is not null then
        raise exception '%: %', in_day, problem using errcode = 'KL003';
    end if;

    select coalesce(sum(l.events), 0)::bigint into total from pg_temp.leaving l;
    insert into public.usage_removals (day, removed_at, events, export, export_sha256)
    values (in_day, in_at, total, in_export, in_export_sha256);
    insert into public.usage_removal_lanes (day, lane, first_batch, last_batch, batches, events, bodies_sha256)
    select in_day, l.lane, l.first_batch, l.last_batch, l.batches, l.events, l.bodies_sha256 from pg_temp.leaving l;
    execute format(
        'insert into public.usage_removal_bills (organization_id, day, lane, uses)
         select organization_id, %L, lane, count(*) from public.%I where billed group by organization_id, lane',
        in_day, partition_name);
    drop table pg_temp.leaving;

    -- Detaching needs the whole log for a moment: if it is not to be had at once, others must not queue behind us.
    perform set_config('lock_timeout', '250ms', true);
    execute format('alter table public.usage_events detach partition public.%I', partition_name);
    execute format('drop table public.%I', partition_name);
    return total;
end
$$;
comment on function usage_day_remove is
    'The only way out of the log of uses. Raises KL003 where a day has to stay, and why. Runs as the owner: the application''s roles drop no tables.';
revoke execute on function usage_day_remove from public;
grant execute on function usage_day_remove to keyledger_worker;

-- As in 0003, but a day that left does not come back: what was said of it would be true no more.
create or replace function usage_partition_ensure(in_day date) returns boolean
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    partition_name text := 'usage_events_' || to_char(in_day, 'YYYYMMDD');
    lower_bound timestamptz := in_day::timestamp at time zone 'UTC';
    upper_bound timestamptz := (in_day + 1)::timestamp at time zone 'UTC';
begin
    -- One at a time: two processes meet at midnight.
    perform pg_advisory_xact_lock(hashtext('usage_partition_ensure'));
    if to_regclass('public.' || partition_name) is not null then
        return false;
    end if;
    if exists (select from public.usage_removals where day = in_day) then
        raise exception 'the uses of % were removed, and nothing is added to a day that left', in_day using errcode = 'KL003';
    end if;
    -- Made apart and attached with its check in place: attaching takes a lock that readers and writers do not feel.
    execute format('create table public.%I (like public.usage_events including all)', partition_name);
    -- Policies are those of the table that it is read through; by its own name it shows nothing.
    execute format('alter table public.%I enable row level security', partition_name);
    execute format(
        'alter table public.%I add constraint partition_bounds check (occurred_at >= %L and occurred_at < %L)',
        partition_name, lower_bound, upper_bound);
    execute format(
        'create trigger never_truncated before truncate on public.%I for each statement execute function public.log_is_append_only()',
        partition_name);
    execute format(
        'alter table public.usage_events attach partition public.%I for values from (%L) to (%L)',
        partition_name, lower_bound, upper_bound);
    execute format('alter table public.%I drop constraint partition_bounds', partition_name);
    return true;
end
$$;
