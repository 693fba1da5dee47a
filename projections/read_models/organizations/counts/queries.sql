-- guard_add
-- Adds an organization. $1 organization, $2 plan
insert into organization_guard (organization_id, plan) values (%s, %s)

-- guard_plan
-- Changes the plan. $1 plan, $2 organization
update organization_guard set plan = %s where organization_id = %s

-- guard_status
-- Changes the status. $1 status, $2 organization
update organization_guard set status = %s where organization_id = %s

-- guard_count
-- Changes the counts. $1 active keys, $2 disabled keys, $3 MCPs, $4 members: the change of each. $5 organization
update organization_guard
set keys_active = keys_active + %s, keys_disabled = keys_disabled + %s, mcps = mcps + %s, members = members + %s
where organization_id = %s

-- guard_read
-- The counts, without a lock. $1 organization
select plan, keys_active, keys_disabled, mcps, members, status from organization_guard where organization_id = %s

-- guard_lock
-- The counts, locked. $1 organization
select plan, keys_active, keys_disabled, mcps, members, status
from organization_guard where organization_id = %s for update
