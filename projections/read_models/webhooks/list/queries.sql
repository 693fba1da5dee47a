-- webhook_put
-- The whole row of a webhook.
insert into webhook_list (
    webhook_id, organization_id, kind, url, events, description, status, because, created_at, updated_at,
    secret_version, previous_valid_until, revision
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (webhook_id) do update
set url = excluded.url, events = excluded.events, description = excluded.description, status = excluded.status,
    because = excluded.because, updated_at = excluded.updated_at, secret_version = excluded.secret_version,
    previous_valid_until = excluded.previous_valid_until, revision = excluded.revision

-- secret_put
-- Stores a secret of a webhook of the organization that is bound. $1 webhook, $2 version, $3 sealed
insert into webhook_secrets (webhook_id, version, organization_id, sealed) values (%s, %s, bound_organization(), %s)

-- secrets_remove
-- Removes earlier secrets. $1 webhook, $2 the first version that stays
delete from webhook_secrets where webhook_id = %s and version < %s

-- secrets_erase
-- Removes the secrets of all webhooks of an organization. $1 organization
delete from webhook_secrets where webhook_id in (select webhook_id from webhook_list where organization_id = %s)

-- webhooks_count
-- The number of webhooks. $1 organization
select count(*) from webhook_list where organization_id = %s and status <> 'deleted'

-- detail
-- One webhook. $1 webhook, $2 organization
select webhook_id, kind, url, events, description, status, because, created_at, updated_at, secret_version,
       previous_valid_until, revision
from webhook_list where webhook_id = %s and organization_id = %s and status <> 'deleted'

-- page
-- Webhooks, newest first. Parameters by name: organization_id; at and id of the last one seen, null for the first page;
-- limit, offset
select webhook_id, kind, url, events, description, status, because, created_at, updated_at, secret_version,
       previous_valid_until, revision
from webhook_list
where organization_id = %(organization_id)s and status <> 'deleted'
  and (%(at)s::timestamptz is null or (created_at, webhook_id) < (%(at)s, %(id)s))
order by created_at desc, webhook_id desc
limit %(limit)s offset %(offset)s

-- secrets
-- The current secret and the earlier ones that are still stored. $1 webhook, $2 limit
select version, sealed from webhook_secrets where webhook_id = %s order by version desc limit %s
