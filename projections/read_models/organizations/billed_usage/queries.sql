-- billed_usage
-- The plan and status of each organization that any of these secrets belong to, and its billed uses of the month.
-- $1 digests, $2 the first day of the month
select g.organization_id, g.plan, g.status,
       (select coalesce(sum(b.uses), 0)::bigint from billed_uses b where b.organization_id = g.organization_id and b.month = %s)
from organization_guard g
where g.organization_id in (select s.organization_id from key_secrets s where s.digest = any(%b::bytea[]))

-- used
-- The billed uses of an organization. $1 organization, $2 the first day of the month
select coalesce(sum(uses), 0)::bigint from billed_uses where organization_id = %s and month = %s
