-- key_recency_add
-- Adds a new key, which was never used. $1 key, $2 organization, $3 environment, $4 status, $5 time
insert into key_recency (key_id, organization_id, environment, status, created_at) values (%s, %s, %s, %s, %s)

-- key_recency_status
-- Changes the status of a key. $1 status, $2 key
update key_recency set status = %s where key_id = %s

-- key_recency_move
-- Stores the last uses in some batches of a lane. The rows are locked in the order of the keys, so that two lanes with
-- uses of the same keys wait without a deadlock. Parameters by name: lane, first and last (batches), since and until
-- (their instants, which select the partitions).
with latest as (
    select touched.key_id, max(occurred_at) as at
    from usage_events as u, lateral (
        values (case when u.code = 'valid' then u.key_id end), (case when u.action = 'verify' then u.caller_key_id end)
    ) as touched (key_id)
    where lane = %(lane)s and batch_no between %(first)s and %(last)s and occurred_at between %(since)s and %(until)s
      and kind = 'used' and touched.key_id is not null
    group by touched.key_id
), locked as (
    select r.key_id, latest.at
    from latest join key_recency r using (key_id)
    where r.last_used < latest.at
    order by r.key_id
    for no key update of r
)
update key_recency as r set last_used = locked.at from locked where r.key_id = locked.key_id
