-- key_secrets_all
select encode(digest, 'hex'), key_id, secret_version from key_secrets
