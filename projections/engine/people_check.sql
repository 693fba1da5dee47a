-- member_list_all
select user_id, organization_id, role, added_at from member_list

-- invitation_list_all
select invitation_id, organization_id, role, status, token_digest, invited_by, invited_at, expires_at
from invitation_list

-- organization_list_all
select organization_id, name, slug, description, settings, plan, created_at, revision from organization_list

-- key_lineage_all
select key_id, organization_id, created_by, manages from key_lineage

-- addresses_astray
-- Addresses of invitations that are not open, of people who are in no event, and that are compared though their people left.
select 'invitation_addresses ' || invitation_id
from invitation_addresses a left join invitation_list i using (invitation_id)
where i.status is distinct from 'open' or i.organization_id <> a.organization_id
union all
select 'users ' || u.user_id
from users u left join member_list m using (user_id)
where m.organization_id <> u.organization_id or (m.user_id is null and u.folded is not null)
   or not exists (select from streams s where s.stream_id = u.user_id)

-- mail_preferences_all
select user_id, organization_id, chosen from mail_preferences
