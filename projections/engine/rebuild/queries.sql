-- model_claim
-- True when nobody else makes versions of this read model; it ends with the connection. $1 projection
select pg_try_advisory_lock(hashtextextended(%s::text, 7003))

-- live_checkpoints
-- How far the live version has come. $1 projection, $2 log
select lane, position from checkpoints where projection = %s and log = %s and place = 'public'

-- live_checkpoints_hold
-- As above, and nobody moves it until the transaction ends. $1 projection
select log, lane from checkpoints where projection = %s and place = 'public' order by log, lane for update

-- version_begun
-- The version that an earlier run left unfinished. $1 projection, $2 the beginning of the names of its places
select version, place from checkpoints where projection = %s and starts_with(place, %s) limit 1

-- version_last
-- The highest number of a version that is known; old ones of an inline model are known by their schemas alone.
-- $1 projection, $2 pattern of the names of old places
select greatest(
    1,
    (select max(version) from checkpoints where projection = %s),
    (select max(substring(nspname from '\d+$')::int) from pg_namespace where nspname ~ %s)
)

-- version_begin
-- $1 projection, $2 version, $3 log, $4 place, $5 number of lanes
insert into checkpoints (projection, version, log, lane, place)
select %s, %s, %s, lane, %s from generate_series(0, %s::int - 1) as lane

-- version_end
-- $1 projection, $2 place
delete from checkpoints where projection = %s and place = %s

-- version_stops_end
-- $1 projection, $2 place
delete from stopped_lanes s using checkpoints c
where (s.projection, s.version) = (c.projection, c.version) and c.projection = %s and c.place = %s

-- version_move
-- $1 the new place, $2 projection, $3 the old place
update checkpoints set place = %s where projection = %s and place = %s

-- schemas
-- Schemas by the pattern of their names. $1 pattern
select nspname from pg_namespace where nspname ~ %s order by nspname

-- columns
-- The columns of a table in order, but those that follow from others by themselves; whether each is of the key, and
-- whether it is a text. $1 table
select a.attname, coalesce(a.attnum = any(i.indkey::smallint[]), false), t.typcategory = 'S'
from pg_attribute a
join pg_type t on t.oid = a.atttypid
left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
order by a.attnum

-- renewal_claim
-- Waits until no other process derives read models again; it ends with the connection.
select pg_advisory_lock(7004)

-- revision
-- $1 read model
select revision, making from read_model_revisions where model = %s

-- revision_making
-- $1 read model, $2 its present revision, $3 the one that is being made
insert into read_model_revisions (model, revision, making) values (%s, %s, %s)
on conflict (model) do update set making = excluded.making

-- revision_made
-- $1 read model, $2 revision
insert into read_model_revisions (model, revision) values (%s, %s)
on conflict (model) do update set revision = excluded.revision, making = null, made_at = now()
