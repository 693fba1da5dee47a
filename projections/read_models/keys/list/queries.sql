-- key_list_put
-- The whole row of a key.
insert into key_list (
    key_id, organization_id, name, name_key, prefix, environment, status, created_by, created_at, expires_at,
    secrets_end_at, all_mcps, mcps
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (key_id) do update
set name = excluded.name, name_key = excluded.name_key, prefix = excluded.prefix, status = excluded.status,
    expires_at = excluded.expires_at, secrets_end_at = excluded.secrets_end_at, all_mcps = excluded.all_mcps,
    mcps = excluded.mcps

-- key_terms_add
-- Adds search terms. $1 organization, $2 terms, $3 key
insert into key_terms (organization_id, term, key_id) select %s, unnest(%s::text[]), %s

-- key_terms_remove
-- Removes search terms. $1 organization, $2 terms, $3 key
delete from key_terms where organization_id = %s and term = any(%s::text[]) and key_id = %s

-- key_counts_move
-- Changes counts in the order of the rows, so that two changes that count the same keys wait without a deadlock.
-- $1 organization; $2 facets, $3 environments, $4 statuses, $5 the change of each count
insert into key_counts as c (organization_id, facet, environment, status, keys)
select %s, m.facet, m.environment, m.status, m.keys
from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[]) as m (facet, environment, status, keys)
order by m.facet, m.environment, m.status
on conflict (organization_id, facet, environment, status) do update set keys = c.keys + excluded.keys

-- counted
-- The number of keys, as recorded. Parameters by name: organization_id, facets, environments, statuses
select coalesce(sum(keys), 0)::bigint from key_counts
where organization_id = %(organization_id)s and facet = any(%(facets)s::text[])
  and environment = any(%(environments)s::text[]) and status = any(%(statuses)s::text[])

-- creators
-- The creators of keys whose facets are in a range, with the number of their keys in any status, most keys first.
-- Parameters by name: organization_id; first and last, facets; limit
select substr(facet, length('by:') + 1), sum(keys)::bigint from key_counts
where organization_id = %(organization_id)s and facet >= %(first)s and facet <= %(last)s
group by facet
having sum(keys) > 0
order by sum(keys) desc, facet
limit %(limit)s

-- overdue
-- The number of keys that are past their expiry without an event: as many as the worker is behind. Parameters by name:
-- organization_id, environments, statuses, at; created_by and mcp_id, null: any; mcp_environment, that of mcp_id;
-- all_mcps, only keys for all MCPs
select count(*) from key_list
where organization_id = %(organization_id)s and environment = any(%(environments)s::text[])
  and status = any(%(statuses)s::text[]) and ends_at <= %(at)s
  and (%(created_by)s::text is null or created_by = %(created_by)s)
  and (
    %(mcp_id)s::text is null or (all_mcps and environment = %(mcp_environment)s::text)
    or mcps @> array[%(mcp_id)s::text]
  )
  and (not %(all_mcps)s or all_mcps)

-- overdue_keys
-- Those keys of an organization, longest overdue first. Parameters by name: organization_id, at, limit
select key_id, organization_id from key_list
where organization_id = %(organization_id)s and environment in ('live', 'test') and status in ('active', 'disabled')
  and ends_at <= %(at)s
order by ends_at, key_id limit %(limit)s

-- expiring
-- Keys that are past their expiry without an event, except those of deleted organizations. $1 now, $2 limit
select key_id, organization_id from key_list k
where status in ('active', 'disabled') and expires_at <= %s
  and (select g.status <> 'active' from organization_guard g where g.organization_id = k.organization_id) is not true
order by expires_at limit %s

-- keys_there
-- Which of these keys the organization has. Parameters by name: organization_id, ids; created_by, null: any creator
select key_id from key_list
where organization_id = %(organization_id)s and key_id = any(%(ids)s::text[])
  and (%(created_by)s::text is null or created_by = %(created_by)s)

-- creator_known
-- Whether a user or key is or was in the organization, or created one of its keys. Parameters by name:
-- organization_id, creator_id
select exists (
    select from streams
    where stream_id = %(creator_id)s and organization_id = %(organization_id)s and kind in ('member', 'api_key')
) or exists (
    select from key_list where organization_id = %(organization_id)s and created_by = %(creator_id)s
)

-- secrets_superseded
-- Keys with a rotated secret that was used for the first time, oldest use first, except those of deleted organizations.
-- $1 now, $2 limit
select key_id, organization_id, secret_version, used_at from used_secrets u
where used_at <= %s
  and (select g.status <> 'active' from organization_guard g where g.organization_id = u.organization_id) is not true
order by used_at, key_id limit %s

-- used_versions
-- The secrets whose use ended the earlier ones, if that is not recorded yet. $1 keys
select key_id, secret_version from used_secrets where key_id = any(%s::text[])

-- used_secret
-- The secret of a key whose use ended the earlier ones, if that is not recorded yet. $1 key, $2 organization
select key_id, organization_id, secret_version, used_at from used_secrets where key_id = %s and organization_id = %s

-- superseded_settled
-- Removes the note after the end of the earlier secrets was recorded. $1 key, $2 version of the used secret
delete from used_secrets where key_id = %s and secret_version <= %s

-- secrets_ending
-- Keys with a secret whose overlap is over, except those of deleted organizations. $1 now, $2 limit
select key_id, organization_id from key_list k
where secrets_end_at <= %s
  and (select g.status <> 'active' from organization_guard g where g.organization_id = k.organization_id) is not true
order by secrets_end_at limit %s
