-- One organization with %(keys)s keys, in the read models alone. The oldest fifth is revoked: what is rare lies far from
-- where a list begins, which is where reading in order would be slow.

create temporary table made as
select 'key_' || lpad(i::text, 26, '0') as key_id,
       'Service ' || i %% 997 || ' deploy-' || i as name,
       chr(31) || 'service ' || chr(31) || i %% 997 || ' ' || chr(31) || 'deploy-' || chr(31) || i as name_key,
       'pk_' || case when i %% 5 = 0 then 'test' else 'live' end || '_' || right(md5(i::text), 4) as prefix,
       case when i %% 5 = 0 then 'test' else 'live' end as environment,
       case when i <= %(keys)s / 5 then 'revoked' when i %% 40 = 1 then 'disabled' when i %% 40 = 2 then 'expired'
            else 'active' end as status,
       case when i <= %(keys)s * 3 / 10 then 'user_leaver' when i %% 1000 = 7 then 'user_rare' else 'user_owner' end
           as created_by,
       timestamptz '2026-01-01' - (%(keys)s - i) * interval '30 seconds' as created_at,
       case when i %% 40 = 2 then timestamptz '2025-12-31'
            when i %% 10 = 3 then timestamptz '2026-01-02' + i %% 3650 * interval '1 day' end as expires_at,
       case when i %% 300 = 4 then timestamptz '2026-01-01 12:00' end as secrets_end_at,
       i %% 1000 = 5 as is_open_manager,
       i %% 2 = 0 as all_mcps,
       case when i %% 2 = 0 then array[]::text[] when i %% 501 = 0 then array['mcp_rare'] else array['mcp_common'] end
           as mcps,
       case when i %% 5 < 3 then timestamptz '2026-01-01' - (%(keys)s - i) * interval '1 second' end as last_used
from generate_series(1, %(keys)s) as i;

insert into key_state (key_id, organization_id, version, state) select key_id, %(organization_id)s, 1, '\x00' from made;
insert into key_list (
    key_id, organization_id, name, name_key, prefix, environment, status, created_by, created_at, expires_at,
    secrets_end_at, all_mcps, mcps
)
select key_id, %(organization_id)s, name, name_key, prefix, environment, status, created_by, created_at, expires_at,
       secrets_end_at, all_mcps, mcps
from made;
insert into key_terms (organization_id, term, key_id)
select distinct %(organization_id)s, term, key_id
from made, lateral (
    select 'q:' || lower(prefix) as term
    union all
    select 'q:' || replace(substr(name_key, at + 1), chr(31), '')
    from generate_series(1, length(name_key)) as at where substr(name_key, at, 1) = chr(31)
    union all
    select case when all_mcps then 'mcp:*' else 'mcp:' || mcps[1] end
    union all
    select 'open:keys:write' where is_open_manager
) as found;
insert into key_counts (organization_id, facet, environment, status, keys)
select %(organization_id)s, facet, environment, status, count(*)
from made, lateral (
    values (''), ('by:' || created_by), (case when all_mcps then 'mcp:*' else 'mcp:' || mcps[1] end)
) as of (facet)
group by facet, environment, status;
insert into key_recency (key_id, organization_id, environment, status, created_at, last_used)
select key_id, %(organization_id)s, environment, status, created_at, coalesce(last_used, '-infinity') from made;
