-- key_secrets_all
-- The key and version of every secret.
select encode(digest, 'hex'), key_id, secret_version from key_secrets
