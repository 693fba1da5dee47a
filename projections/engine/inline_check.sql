-- key_state_all
select key_id, organization_id, version, state from key_state

-- key_secrets_all
select encode(digest, 'hex'), key_id, secret_version from key_secrets

-- key_list_all
select key_id, organization_id, name, name_key, prefix, environment, status, created_by, created_at, expires_at, secrets_end_at,
       all_mcps, mcps
from key_list

-- key_terms_all
select key_id, organization_id, term from key_terms

-- key_counts_all
select organization_id, facet, environment, status, keys from key_counts where keys <> 0

-- key_recency_all
select key_id, organization_id, environment, status, created_at from key_recency

-- mcp_list_all
select mcp_id, organization_id, name, description, endpoint_url, environment, auth_type, status, created_at, updated_at,
       revision, deleted_at
from mcp_list

-- mcp_health_all
select mcp_id, organization_id, moved_at, due_at is not null, coalesce(health = 'unhealthy', false) from mcp_health

-- guards_all
select organization_id, plan, keys_active, keys_disabled, mcps, members from organization_guard

-- alert_list_all
select alert_id, organization_id, type, severity, key_id, numbers, raised_at, acknowledged_at, acknowledged_by, revision
from alert_list

-- expiry_watch_all
select key_id, expires_at from expiry_watch
