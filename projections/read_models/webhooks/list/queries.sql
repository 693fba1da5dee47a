-- webhook_put
-- The row of a webhook, whole.
insert into webhook_list (
    webhook_id, organization_id, kind, url, events, description, status, because, created_at, updated_at,
    secret_version, previous_valid_until, revision
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (webhook_id) do update
set url = excluded.url, events = excluded.events, description = excluded.description, status = excluded.status,
    because = excluded.because, updated_at = excluded.updated_at, secret_version = excluded.secret_version,
    previous_valid_until = excluded.previous_valid_until, revision = excluded.revision

-- secret_put
-- Of a webhook of the organization that is bound. $1 webhook, $2 version, $3 sealed
insert into webhook_secrets (webhook_id, version, organization_id, sealed) values (%s, %s, bound_organization(), %s)

-- secrets_remove
-- $1 webhook, $2 the first version that stays
delete from webhook_secrets where webhook_id = %s and version < %s

-- webhooks_count
-- $1 organization
select count(*) from webhook_list where organization_id = %s and status <> 'deleted'

-- detail
-- $1 webhook, $2 organization
select webhook_id, kind, url, events, description, status, because, created_at, updated_at, secret_version,
       previous_valid_until, revision
from webhook_list where webhook_id = %s and organization_id = %s and status <> 'deleted'

-- page
-- Newest first. Parameters by name: organization_id; at and id of the last one seen, null from the beginning; limit, offset
select webhook_id, kind, url, events, description, status, because, created_at, updated_at, secret_version,
       previous_valid_until, revision
from webhook_list
where organization_id = %(organization_id)s and status <> 'deleted'
  and (%(at)s::timestamptz is null or (created_at, webhook_id) < (%(at)s, %(id)s))
order by created_at desc, webhook_id desc
limit %(limit)s offset %(offset)s

-- secrets
-- The present one and those before it that are still there. $1 webhook, $2 how many at most
select version, sealed from webhook_secrets where webhook_id = %s order by version desc limit %s
