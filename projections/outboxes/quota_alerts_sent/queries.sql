-- usage_and_alerts
-- The plan, the billed usage and the alerts that were sent, for each organization with usage in the month,
-- except deleted ones. $1 the first day of the month
select b.organization_id, g.plan, sum(b.uses)::bigint,
       (select coalesce(jsonb_agg(jsonb_build_array(w.quota, w.stage)), '[]') from quota_alerts_sent w
        where w.organization_id = b.organization_id and w.month = b.month)
from billed_uses b join organization_guard g using (organization_id)
where b.month = %s and g.status = 'active'
group by b.organization_id, b.month, g.plan

-- record_alert
-- $1 organization, $2 the first day of the month, $3 quota, $4 stage
insert into quota_alerts_sent (organization_id, month, quota, stage) values (%s, %s, %s, %s)
on conflict do nothing
