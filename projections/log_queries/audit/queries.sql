-- span
-- The positions between which the events of a time are. Clocks differ and transactions overlap: events that were
-- committed in order may have times that are not in order, by less than the slack. Parameters by name: organization_id;
-- since, until (null: no bound), slack (an interval).
select (
    select position from events
    where organization_id = %(organization_id)s and occurred_at < %(since)s::timestamptz - %(slack)s::interval
    order by occurred_at desc, position desc limit 1
), (
    select position from events
    where organization_id = %(organization_id)s and occurred_at >= %(until)s::timestamptz + %(slack)s::interval
    order by occurred_at, position limit 1
)

-- newest
-- Events of an organization, newest first. Events of a key are its changes and what it did. Parameters by name:
-- organization_id; above and below (positions, both exclusive), since (inclusive), until (exclusive), type, actor,
-- resource, key_id, ip, null: any; limit.
select event_id, position, body from (
    (
        select event_id, position, body from events
        where organization_id = %(organization_id)s
          and position > coalesce(%(above)s, 0) and position < coalesce(%(below)s, 9223372036854775807)
          and (%(since)s::timestamptz is null or occurred_at >= %(since)s)
          and (%(until)s::timestamptz is null or occurred_at < %(until)s)
          and (%(type)s::text is null or type = %(type)s)
          and (%(actor)s::text is null or actor_id = %(actor)s)
          and (%(resource)s::text is null or stream_id = %(resource)s)
          and (%(ip)s::text is null or ip = %(ip)s)
          and (%(key_id)s::text is null or stream_id = %(key_id)s)
        order by position desc
        limit %(limit)s
    ) union all (
        select event_id, position, body from events
        where organization_id = %(organization_id)s
          and position > coalesce(%(above)s, 0) and position < coalesce(%(below)s, 9223372036854775807)
          and (%(since)s::timestamptz is null or occurred_at >= %(since)s)
          and (%(until)s::timestamptz is null or occurred_at < %(until)s)
          and (%(type)s::text is null or type = %(type)s)
          and (%(actor)s::text is null or actor_id = %(actor)s)
          and (%(resource)s::text is null or stream_id = %(resource)s)
          and (%(ip)s::text is null or ip = %(ip)s)
          and actor_id = %(key_id)s::text and stream_id <> %(key_id)s
        order by position desc
        limit %(limit)s
    )
) as found
order by position desc
limit %(limit)s

-- by_id
-- One event. $1 event, $2 organization
select event_id, position, body from events where event_id = %s and organization_id = %s

-- last_position
-- The last position of an organization's events, or null if it has none. $1 organization
select max(position) from events where organization_id = %s

-- oldest
-- The next events of an organization in the order of the log. Parameters by name: organization_id; above (exclusive),
-- up_to (inclusive), since (inclusive), until (exclusive), null: any; limit.
select event_id, position, body from events
where organization_id = %(organization_id)s and position > %(above)s and position <= %(up_to)s
  and (%(since)s::timestamptz is null or occurred_at >= %(since)s)
  and (%(until)s::timestamptz is null or occurred_at < %(until)s)
order by position
limit %(limit)s
