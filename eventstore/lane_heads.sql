-- heads
-- The last position of every lane of both logs.
select log, lane, head from lane_heads order by log, lane

-- partitions_ahead
-- For how many of the days after $1 the usage log has a partition already, at most 60.
select count(*) from generate_series(1, 60) as ahead
where to_regclass('usage_events_' || to_char(%s::date + ahead, 'YYYYMMDD')) is not null
