-- history_plan
-- For this transaction: as for the counts of uses, the planner has no statistics of events that were written a moment
-- ago.
select set_config('enable_sort', 'off', true), set_config('work_mem', '32MB', true)

-- history_apply
-- Adds a page of uses. Each part ends before the next one starts, in the order of the keys, so that two lanes wait for
-- each other without a deadlock. Parameters by name: lane, first and last (batches), since and until (their instants)
with page as materialized (
    select coalesce(organization_id, '') as organization_id, key_id, kind, action, code, occurred_at,
           ip, network_of(ip) as network
    from usage_events
    cross join lateral (
        select case when kind = 'used' and (code = 'valid' or key_id is null)
                    then substring(convert_from(body, 'UTF8') from '"ip":"([0-9a-fA-F.:]+)"') end as ip
    ) as seen
    where lane = %(lane)s and batch_no between %(first)s and %(last)s
      and occurred_at between %(since)s and %(until)s
), hours as (
    insert into key_hours as h (key_id, hour, organization_id, requests, errors, denied, managed)
    select key_id, date_trunc('hour', occurred_at, 'UTC'), min(organization_id),
           count(*) filter (where kind = 'used' and code = 'valid' and action <> 'manage'),
           count(*) filter (where kind = 'completed' and code = 'error'),
           count(*) filter (where kind = 'used' and code <> 'valid'),
           count(*) filter (where kind = 'used' and code = 'valid' and action = 'manage')
    from page where key_id is not null
    group by 1, 2
    order by 1, 2
    on conflict (key_id, hour) do update
    set requests = h.requests + excluded.requests, errors = h.errors + excluded.errors,
        denied = h.denied + excluded.denied, managed = h.managed + excluded.managed
    returning 1
), networks as (
    insert into key_networks as n (key_id, network, organization_id, first_seen)
    select key_id, network, min(organization_id), min(occurred_at)
    from page
    where key_id is not null and code = 'valid' and network is not null and (select count(*) from hours) >= 0
    group by 1, 2
    order by 1, 2
    on conflict (key_id, network) do update set first_seen = least(n.first_seen, excluded.first_seen)
    where n.first_seen > excluded.first_seen
    returning 1
)
insert into denials_by_minute as d (subject, organization_id, minute, code, denied)
select coalesce(key_id, ip), min(organization_id), date_trunc('minute', occurred_at, 'UTC'), code, count(*)
from page
where kind = 'used' and code <> 'valid' and coalesce(key_id, ip) is not null and (select count(*) from networks) >= 0
group by coalesce(key_id, ip), organization_id, date_trunc('minute', occurred_at, 'UTC'), code
order by 1, 2, 3, 4
on conflict (subject, organization_id, minute, code) do update set denied = d.denied + excluded.denied

-- signals_add
-- Queues the signals of a page of uses, none from before `news`. Parameters by name: as above, and news
with page as materialized (
    select coalesce(organization_id, '') as organization_id, key_id, kind, code, occurred_at,
           ip, network_of(ip) as network
    from usage_events
    cross join lateral (
        select case when kind = 'used' and (code = 'valid' or key_id is null)
                    then substring(convert_from(body, 'UTF8') from '"ip":"([0-9a-fA-F.:]+)"') end as ip
    ) as seen
    where lane = %(lane)s and batch_no between %(first)s and %(last)s
      and occurred_at between greatest(%(since)s::timestamptz, %(news)s::timestamptz) and %(until)s
), signs as (
    select 'hour' as kind, key_id as subject, organization_id, date_trunc('hour', occurred_at, 'UTC') as at, '' as detail
    from page where key_id is not null
    union
    select 'denied', key_id, organization_id, date_trunc('minute', occurred_at, 'UTC'), ''
    from page where key_id is not null and kind = 'used' and code <> 'valid'
    union
    select 'unknown', ip, organization_id, date_trunc('minute', occurred_at, 'UTC'), ''
    from page where key_id is null and ip is not null
    union
    select 'network', n.key_id, n.organization_id, n.first_seen, n.network
    from (select distinct key_id, network from page where key_id is not null and network is not null) as seen
    join key_networks n using (key_id, network)
    where n.first_seen between greatest(%(since)s::timestamptz, %(news)s::timestamptz) and %(until)s
)
insert into anomaly_signals as s (kind, subject, organization_id, at, detail, first_noted_at, noted_at)
select kind, subject, organization_id, at, detail, %(until)s::timestamptz, %(until)s::timestamptz
from signs order by 1, 2, 3, 4, 5
on conflict (kind, subject, organization_id, at, detail)
do update set noted_at = excluded.noted_at

-- signals_due
-- Signals that have not changed since settled, or were queued before queued_before, the longest wait first.
-- Parameters by name: settled, queued_before (instants), limit
select kind, organization_id, subject, at, detail, noted_at
from (
    (select * from anomaly_signals where noted_at <= %(settled)s order by noted_at, at limit %(limit)s)
    union
    (select * from anomaly_signals where first_noted_at <= %(queued_before)s order by first_noted_at, at limit %(limit)s)
) as waiting
order by first_noted_at, at limit %(limit)s

-- signal_complete
-- Deletes a signal unless it has changed since. $1 kind, $2 subject, $3 organization, $4 at, $5 detail, $6 noted
delete from anomaly_signals
where kind = %s and subject = %s and organization_id = %s and at = %s and detail = %s and noted_at = %s

-- signal_wait_again
-- Restarts the wait of a signal that has changed since. $1 kind, $2 subject, $3 organization, $4 at, $5 detail,
-- $6 noted
update anomaly_signals set first_noted_at = noted_at
where kind = %s and subject = %s and organization_id = %s and at = %s and detail = %s and noted_at <> %s

-- hours_of
-- The uses of keys by hour. $1 keys, $2 from, $3 to
select key_id, hour, requests, errors, denied, managed from key_hours
where key_id = any(%s::text[]) and hour between %s and %s

-- used_before
-- The last hour before $1 in which each of the keys was accepted. $1 instant, $2 keys
select k.key_id, (
    select h.hour from key_hours h
    where h.key_id = k.key_id and h.hour < %s and h.requests + h.managed > 0 order by h.hour desc limit 1
)
from unnest(%s::text[]) as k (key_id)

-- networks_of
-- The networks of keys. $1 keys
select key_id, network, first_seen from key_networks where key_id = any(%s::text[])

-- denied_of
-- Refusals by minute. $1 subjects, $2 from
select subject, organization_id, minute, code, denied from denials_by_minute
where subject = any(%s::text[]) and minute >= %s

-- last_alerted
-- The instants of the last alerts. $1 subjects
select subject, organization_id, rule, at from anomaly_cooldowns where subject = any(%s::text[])

-- mark_alerted
-- Records the instant of an alert. $1 subject, $2 organization, $3 rule, $4 at
insert into anomaly_cooldowns as t (subject, organization_id, rule, at) values (%s, %s, %s, %s)
on conflict (subject, organization_id, rule) do update set at = greatest(t.at, excluded.at)

-- denials_delete
-- Removes a bounded number of old refusals. $1 before
delete from denials_by_minute where ctid = any(array(
    select ctid from denials_by_minute where minute < %s order by minute limit 10000
))

-- keys_of
-- The creation time of each key. $1 keys
select key_id, created_at from key_list where key_id = any(%s::text[])

-- settings_of
-- The settings of organizations. $1 organizations
select organization_id, settings from organization_list where organization_id = any(%s::text[])

-- claim
-- True if no other process evaluates signals. The claim ends with the connection.
select pg_try_advisory_lock(7005)

-- unclaim
-- Releases the claim.
select pg_advisory_unlock(7005)

-- replay_hours
-- The outcomes of uses, by key and hour, from the log. Parameters by name: since, until; organization_id, null for all
select key_id, min(organization_id), date_trunc('hour', occurred_at, 'UTC'),
       count(*) filter (where kind = 'used' and code = 'valid' and action <> 'manage'),
       count(*) filter (where kind = 'completed' and code = 'error'),
       count(*) filter (where kind = 'used' and code <> 'valid'),
       count(*) filter (where kind = 'used' and code = 'valid' and action = 'manage')
from usage_events
where key_id is not null and occurred_at >= %(since)s and occurred_at < %(until)s
  and (%(organization_id)s::text is null or organization_id = %(organization_id)s)
group by 1, 3

-- replay_networks
-- The first use of each key from each network in that time. Parameters by name, as above
select key_id, min(organization_id), network_of(ip), min(occurred_at)
from usage_events
cross join lateral (select substring(convert_from(body, 'UTF8') from '"ip":"([0-9a-fA-F.:]+)"') as ip) as seen
where key_id is not null and kind = 'used' and code = 'valid' and network_of(ip) is not null
  and occurred_at >= %(since)s and occurred_at < %(until)s
  and (%(organization_id)s::text is null or organization_id = %(organization_id)s)
group by 1, 3

-- replay_denied
-- Refusals by minute, of keys and of addresses. Parameters by name, as above
select key_id is null, coalesce(key_id, ip), coalesce(organization_id, ''), date_trunc('minute', occurred_at, 'UTC'),
       code, count(*)
from usage_events
cross join lateral (
    select case when key_id is null then substring(convert_from(body, 'UTF8') from '"ip":"([0-9a-fA-F.:]+)"') end as ip
) as seen
where kind = 'used' and code <> 'valid' and coalesce(key_id, ip) is not null
  and occurred_at >= %(since)s and occurred_at < %(until)s
  and (%(organization_id)s::text is null or organization_id = %(organization_id)s)
group by 1, 2, 3, 4, 5
