-- alert_put
-- $1 alert, $2 organization, $3 type, $4 severity, $5 key, $6 numbers, $7 raised, $8 acknowledged, $9 by, $10 revision
insert into alert_list (alert_id, organization_id, type, severity, key_id, numbers, raised_at, acknowledged_at,
                        acknowledged_by, revision)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (alert_id) do update
set acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by, revision = excluded.revision

-- alert_page
-- Newest first. $1 organization, $2 type, $3 severity, $4 key, $5 whether acknowledged, $6 $7 last seen, $8 limit
select alert_id, organization_id, type, severity, key_id, numbers, raised_at, acknowledged_at, acknowledged_by, revision
from alert_list
where organization_id = %s
  and (%s::text is null or type = %s)
  and (%s::text is null or severity = %s)
  and (%s::text is null or key_id = %s)
  and (%s::boolean is null or (acknowledged_at is not null) = %s)
  and (%s::timestamptz is null or (raised_at, alert_id) < (%s, %s))
order by raised_at desc, alert_id desc
limit %s

-- alert_by_id
-- $1 alert, $2 organization
select alert_id, organization_id, type, severity, key_id, numbers, raised_at, acknowledged_at, acknowledged_by, revision
from alert_list
where alert_id = %s and organization_id = %s
