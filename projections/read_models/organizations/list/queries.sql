-- organization_put
-- The whole row of an organization. Its slug never changes.
insert into organization_list (
    organization_id, name, slug, description, settings, plan, created_at, revision, deleted_at, restorable_until,
    erased_at
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (organization_id) do update
set name = excluded.name, description = excluded.description, settings = excluded.settings, plan = excluded.plan,
    revision = excluded.revision, deleted_at = excluded.deleted_at, restorable_until = excluded.restorable_until,
    erased_at = excluded.erased_at

-- by_slug
-- The organization with a slug. $1 slug
select organization_id from organization_list where slug = %s

-- page_after
-- All organizations in the order of their creation. $1 the last one seen, $2 limit
select o.organization_id, o.name, o.slug, o.description, o.settings, o.plan, o.created_at, o.revision,
       g.mcps, g.keys_active + g.keys_disabled, g.members, o.deleted_at, o.restorable_until, o.erased_at
from organization_list o join organization_guard g using (organization_id)
where o.organization_id > %s
order by o.organization_id limit %s

-- detail
-- The row, and the counts of what the plan limits. $1 organization
select o.organization_id, o.name, o.slug, o.description, o.settings, o.plan, o.created_at, o.revision,
       g.mcps, g.keys_active + g.keys_disabled, g.members, o.deleted_at, o.restorable_until, o.erased_at
from organization_list o join organization_guard g using (organization_id)
where o.organization_id = %s

-- to_erase
-- Organizations whose deletion can no longer be undone, and which are not erased yet. $1 now, $2 limit
select organization_id from organization_list where restorable_until <= %s order by restorable_until limit %s
