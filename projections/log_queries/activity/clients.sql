-- clients
-- The user agents of the newest uses of a key, most uses first: each with the number and the time of the last of its uses.
-- Each row also has the number of all user agents, the number of uses that were read, and the time of the oldest one.
-- Parameters by name: key_id, organization_id; scan, the number of uses to read; limit, of user agents
select user_agent, count(*), max(occurred_at), count(*) over (), (sum(count(*)) over ())::bigint,
       min(min(occurred_at)) over ()
from (
    select occurred_at, convert_from(body, 'UTF8')::json ->> 'user_agent' as user_agent
    from usage_events
    where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used'
    order by occurred_at desc, event_id desc
    limit %(scan)s
) as newest
group by user_agent
order by count(*) desc, max(occurred_at) desc, user_agent
limit %(limit)s
