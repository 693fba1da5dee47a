-- model_claim
-- True if no other process makes versions of this read model. The claim ends with the connection. $1 projection
select pg_try_advisory_lock(hashtextextended(%s::text, 7003))

-- live_checkpoints
-- The checkpoints of the live version. $1 projection, $2 log
select lane, position from checkpoints where projection = %s and log = %s and place = 'public'

-- live_checkpoints_hold
-- The same, locked until the transaction ends. $1 projection
select log, lane from checkpoints where projection = %s and place = 'public' order by log, lane for update

-- version_begun
-- The version that an earlier run left unfinished. $1 projection, $2 the prefix of the names of its places
select version, place from checkpoints where projection = %s and starts_with(place, %s) limit 1

-- version_last
-- The highest known number of a version. Old ones of an inline model are known only by their schemas.
-- $1 projection, $2 pattern of the names of old places
select greatest(
    1,
    (select max(version) from checkpoints where projection = %s),
    (select max(substring(nspname from '\d+$')::int) from pg_namespace where nspname ~ %s)
)

-- version_begin
-- Creates the checkpoints of a new version. $1 projection, $2 version, $3 log, $4 place, $5 number of lanes
insert into checkpoints (projection, version, log, lane, place)
select %s, %s, %s, lane, %s from generate_series(0, %s::int - 1) as lane

-- version_end
-- Deletes the checkpoints of a version. $1 projection, $2 place
delete from checkpoints where projection = %s and place = %s

-- version_stops_end
-- Deletes the stopped lanes of a version. $1 projection, $2 place
delete from stopped_lanes s using checkpoints c
where (s.projection, s.version) = (c.projection, c.version) and c.projection = %s and c.place = %s

-- version_move
-- Moves the checkpoints of a version. $1 the new place, $2 projection, $3 the old place
update checkpoints set place = %s where projection = %s and place = %s

-- schemas
-- Schemas whose names match a pattern. $1 pattern
select nspname from pg_namespace where nspname ~ %s order by nspname

-- columns
-- The columns of a table in order, except generated ones; whether each is part of the key, and whether it is text.
-- $1 table
select a.attname, coalesce(a.attnum = any(i.indkey::smallint[]), false), t.typcategory = 'S'
from pg_attribute a
join pg_type t on t.oid = a.atttypid
left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
order by a.attnum

-- renewal_claim
-- Waits until no other process derives read models again. The claim ends with the connection.
select pg_advisory_lock(7004)

-- revision
-- The revision of a read model, and the one that is being made. $1 read model
select revision, making from read_model_revisions where model = %s

-- revision_making
-- Records that a revision is being made. $1 read model, $2 its current revision, $3 the new one
insert into read_model_revisions (model, revision, making) values (%s, %s, %s)
on conflict (model) do update set making = excluded.making

-- revision_made
-- Records that a revision was made. $1 read model, $2 revision
insert into read_model_revisions (model, revision) values (%s, %s)
on conflict (model) do update set revision = excluded.revision, making = null, made_at = now()
