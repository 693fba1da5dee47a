-- addresses_astray
-- Addresses of invitations that are not open.
select invitation_id
from invitation_addresses a left join invitation_list i using (invitation_id)
where i.status is distinct from 'open' or i.organization_id <> a.organization_id
