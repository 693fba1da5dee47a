-- alert_put
-- The whole row of an alert.
-- $1 alert, $2 organization, $3 type, $4 severity, $5 key, $6 numbers, $7 raised, $8 acknowledged, $9 by, $10 revision
insert into alert_list (alert_id, organization_id, type, severity, key_id, numbers, raised_at, acknowledged_at,
                        acknowledged_by, revision)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (alert_id) do update
set acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by, revision = excluded.revision

-- alert_page
-- Alerts, newest first. Parameters by name: organization_id; type, severity, key_id and acknowledged, null for any; at
-- and id of the last one seen, null for the first page; limit, offset
select alert_id, organization_id, type, severity, key_id, numbers, raised_at, acknowledged_at, acknowledged_by, revision
from alert_list
where organization_id = %(organization_id)s
  and (%(type)s::text is null or type = %(type)s)
  and (%(severity)s::text is null or severity = %(severity)s)
  and (%(key_id)s::text is null or key_id = %(key_id)s)
  and (%(acknowledged)s::boolean is null or (acknowledged_at is not null) = %(acknowledged)s)
  and (%(at)s::timestamptz is null or (raised_at, alert_id) < (%(at)s, %(id)s))
order by raised_at desc, alert_id desc
limit %(limit)s offset %(offset)s

-- alert_count
-- The number of alerts, at most `most`. Parameters by name, as above.
select count(*)
from (
    select from alert_list
    where organization_id = %(organization_id)s
      and (%(type)s::text is null or type = %(type)s)
      and (%(severity)s::text is null or severity = %(severity)s)
      and (%(key_id)s::text is null or key_id = %(key_id)s)
      and (%(acknowledged)s::boolean is null or (acknowledged_at is not null) = %(acknowledged)s)
    limit %(most)s
) as counted

-- alert_open_count
-- The number of open alerts, up to a maximum. $1 organization, $2 maximum
select count(*)
from (select from alert_list where organization_id = %s and acknowledged_at is null limit %s) as counted

-- alert_by_id
-- One alert. $1 alert, $2 organization
select alert_id, organization_id, type, severity, key_id, numbers, raised_at, acknowledged_at, acknowledged_by, revision
from alert_list
where alert_id = %s and organization_id = %s
