-- key_state_put
-- Stores the state of a key. $1 key, $2 organization, $3 version, $4 state
insert into key_state (key_id, organization_id, version, state) values (%s, %s, %s, %s)
on conflict (key_id) do update set version = excluded.version, state = excluded.state

-- key_secret_add
-- Adds a secret. $1 digest, $2 key, $3 organization, $4 secret version
insert into key_secrets (digest, key_id, organization_id, secret_version) values (%s, %s, %s, %s)

-- by_digests
-- The keys of these secrets, and the secret whose use ended the earlier ones, or 0. $1 digests
select s.digest, k.state, coalesce(u.secret_version, 0)
from key_secrets s join key_state k using (key_id) left join used_secrets u using (key_id)
where s.digest = any(%b::bytea[])

-- by_id
-- The state of a key. $1 key, $2 organization
select state from key_state where key_id = %s and organization_id = %s

-- taken_digests
-- Which of these secrets belong to a key of any organization. $1 digests
select digest from key_secrets where digest = any(%b::bytea[])

-- keys_by_digests_in_organization
-- The keys of these secrets in one organization. $1 digests, $2 organization
select s.digest, k.state
from key_secrets s join key_state k using (key_id)
where s.digest = any(%b::bytea[]) and s.organization_id = %s

-- key_by_digest_in_organization
-- The key of a secret, and which of its secrets it is. $1 digest, $2 organization
select k.state, s.secret_version
from key_secrets s join key_state k using (key_id)
where s.digest = %s and s.organization_id = %s

-- keys_by_digests
-- The keys of these secrets in all organizations, and which of their secrets they are. $1 digests
select s.digest, k.state, s.secret_version
from key_secrets s join key_state k using (key_id)
where s.digest = any(%b::bytea[])
