-- guard_add
-- $1 organization, $2 plan
insert into organization_guard (organization_id, plan) values (%s, %s)

-- guard_plan
-- $1 plan, $2 organization
update organization_guard set plan = %s where organization_id = %s

-- guard_count
-- $1 active keys, $2 disabled keys, $3 MCPs, $4 members: by how much each changes. $5 organization
update organization_guard
set keys_active = keys_active + %s, keys_disabled = keys_disabled + %s, mcps = mcps + %s, members = members + %s
where organization_id = %s

-- guard_lock
-- $1 organization
select plan, keys_active, keys_disabled, mcps, members from organization_guard where organization_id = %s for update
