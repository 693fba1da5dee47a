-- checkpoints_ensure
-- A checkpoint for every lane of the live version, at the start of the log, where there is none. Parameters by name:
-- projection, version, log, lanes
insert into checkpoints (projection, version, log, lane)
select %(projection)s, %(version)s, %(log)s, l.lane
from generate_series(0, %(lanes)s::int - 1) as l (lane)
where not exists (
    select from checkpoints c
    where c.projection = %(projection)s and c.log = %(log)s and c.lane = l.lane and c.place = 'public'
)
on conflict do nothing

-- lags
-- The end of every lane of a log, and the position of the version of a read model in a place. A lane without a head row
-- has lost it. $1 projection, $2 log, $3 place, $4 number of lanes
select lane, coalesce(c.position, 0), h.head
from (select %s as projection, %s as log, %s as place, generate_series(0, %s::int - 1) as lane) as l
left join checkpoints c using (projection, log, place, lane)
left join lane_heads h using (log, lane)
order by lane

-- live_version
-- The version number of the live version. $1 projection
select max(version) from checkpoints where projection = %s and place = 'public'

-- usage_waits_since
-- The instant of the oldest batch of uses that the live version has not applied, or null if it has applied all.
-- $1 projection
select min(b.occurred_at)
from checkpoints c join usage_batches b on b.lane = c.lane and b.batch_no = c.position + 1
where c.projection = %s and c.place = 'public' and c.log = 'usage'

-- checkpoint_lock
-- No row: another runner has this lane, or another version took the place. $1 projection, $2 log, $3 lane, $4 place
select version, position from checkpoints
where projection = %s and log = %s and lane = %s and place = %s
for update skip locked

-- checkpoint_advance
-- Advances a checkpoint by compare-and-swap.
-- $1 the new position, $2 projection, $3 version, $4 log, $5 lane, $6 the previous position
update checkpoints set position = %s
where projection = %s and version = %s and log = %s and lane = %s and position = %s
