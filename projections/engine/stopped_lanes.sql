-- stopped_put
-- Changes nothing while the lane stops for the same reason. $1 projection, $2 log, $3 lane, $4 place, $5 reason, $6 now
insert into stopped_lanes as s (projection, version, log, lane, position, reason, stopped_at)
select c.projection, c.version, c.log, c.lane, c.position + 1, a.reason, a.at
from (select %s as projection, %s as log, %s::smallint as lane, %s as place, %s as reason, %s::timestamptz as at) as a
join checkpoints c using (projection, log, lane, place)
on conflict (projection, version, log, lane) do update
set position = excluded.position, reason = excluded.reason, stopped_at = excluded.stopped_at
where (s.position, s.reason) is distinct from (excluded.position, excluded.reason)

-- stopped_clear
-- Deletes the record of a stopped lane. $1 projection, $2 version, $3 log, $4 lane
delete from stopped_lanes where projection = %s and version = %s and log = %s and lane = %s

-- stopped_in
-- The lanes of a version that had stopped at the last attempt. $1 projection, $2 log, $3 place
select s.lane
from stopped_lanes s join checkpoints c using (projection, version, log, lane)
where s.projection = %s and s.log = %s and c.place = %s

-- stopped_live
-- Every lane in which a live read model cannot continue.
select s.projection, s.version, s.log, s.lane, s.position, s.reason, s.stopped_at
from stopped_lanes s join checkpoints c using (projection, version, log, lane)
where c.place = 'public'
order by s.projection, s.log, s.lane

-- stopped_at
-- The live version, its position and why it stopped there. Waits for a runner that has that lane.
-- $1 projection, $2 log, $3 lane
select c.version, c.position, (
    select s.reason from stopped_lanes s
    where (s.projection, s.version, s.log, s.lane, s.position)
        = (c.projection, c.version, c.log, c.lane, c.position + 1)
)
from checkpoints c
where c.projection = %s and c.log = %s and c.lane = %s and c.place = 'public'
for update

-- skipped
-- The positions that every version of this read model skips. $1 projection, $2 log
select lane, position from skipped_positions where projection = %s and log = %s order by lane, position

-- skip
-- Records a skipped position.
-- $1 projection, $2 log, $3 lane, $4 position, $5 problem, $6 reason, $7 author, $8 now
insert into skipped_positions (projection, log, lane, position, problem, reason, skipped_by, skipped_at)
values (%s, %s, %s, %s, %s, %s, %s, %s)

-- skips_all
-- All skipped positions of all read models.
select projection, log, lane, position, problem, reason, skipped_by, skipped_at
from skipped_positions order by skipped_at, projection, log, lane, position

-- checkpoint_pass
-- Moves a checkpoint past the skipped position.
-- $1 projection, $2 version, $3 log, $4 lane, $5 the position before the skipped one
update checkpoints set position = position + 1
where projection = %s and version = %s and log = %s and lane = %s and position = %s
