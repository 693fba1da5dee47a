-- invitation_put
-- The whole row of an invitation.
insert into invitation_list (
    invitation_id, organization_id, role, status, token_digest, invited_by, invited_at, expires_at
) values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (invitation_id) do update set status = excluded.status

-- address_put
-- Stores the address of an invitation. $1 invitation, $2 organization, $3 address, $4 its folded form
insert into invitation_addresses (invitation_id, organization_id, email, folded) values (%s, %s, %s, %s)

-- address_remove
-- Removes the address of an invitation. $1 invitation
delete from invitation_addresses where invitation_id = %s

-- addresses_forget
-- Removes the addresses of expired invitations. $1 organization, $2 now
delete from invitation_addresses a using invitation_list i
where i.invitation_id = a.invitation_id and i.organization_id = %s and i.status = 'open' and i.expires_at <= %s

-- addresses_erase
-- Removes the addresses of all invitations of an organization. $1 organization
delete from invitation_addresses where organization_id = %s

-- by_digest
-- The invitation of a token, unless its organization was deleted. $1 digest
select i.invitation_id, i.organization_id
from invitation_list i join organization_guard g on g.organization_id = i.organization_id and g.status = 'active'
where i.token_digest = %s

-- open_for
-- The open invitation to an address, and whether the address belongs to a member. Parameters by name:
-- organization_id, folded
select (select a.invitation_id from invitation_addresses a
        where a.organization_id = %(organization_id)s and a.folded = %(folded)s),
       exists (select from users u where u.organization_id = %(organization_id)s and u.folded = %(folded)s)

-- accepting
-- The facts for accepting an invitation: its role, its address, its sender, and whether the address now belongs to a
-- member. $1 invitation
select i.role, a.email, i.invited_by, m.role, k.state,
       exists (select from users u where u.organization_id = i.organization_id and u.folded = a.folded)
from invitation_list i
left join invitation_addresses a using (invitation_id)
left join member_list m on m.user_id = i.invited_by
left join key_state k on k.key_id = i.invited_by
where i.invitation_id = %s

-- open_page
-- Invitations that can be accepted, newest first. Parameters by name: organization_id, at; limit, offset
select i.invitation_id, a.email, i.role, i.invited_by, i.invited_at, i.expires_at
from invitation_list i join invitation_addresses a using (invitation_id)
where i.organization_id = %(organization_id)s and i.status = 'open' and i.expires_at > %(at)s
order by i.invited_at desc, i.invitation_id desc limit %(limit)s offset %(offset)s

-- open_page_after
-- The page after the invitation of invited_at and invitation_id. The other parameters are as above.
select i.invitation_id, a.email, i.role, i.invited_by, i.invited_at, i.expires_at
from invitation_list i join invitation_addresses a using (invitation_id)
where i.organization_id = %(organization_id)s and i.status = 'open' and i.expires_at > %(at)s
  and (i.invited_at, i.invitation_id) < (%(invited_at)s, %(invitation_id)s)
order by i.invited_at desc, i.invitation_id desc limit %(limit)s

-- open_total
-- The number of invitations that can be accepted. Parameters by name: organization_id, at
select count(*) from invitation_list i join invitation_addresses a using (invitation_id)
where i.organization_id = %(organization_id)s and i.status = 'open' and i.expires_at > %(at)s

-- open_one
-- An invitation that can be accepted. Parameters by name: organization_id, at, invitation_id
select i.invitation_id, a.email, i.role, i.invited_by, i.invited_at, i.expires_at
from invitation_list i join invitation_addresses a using (invitation_id)
where i.invitation_id = %(invitation_id)s and i.organization_id = %(organization_id)s
  and i.status = 'open' and i.expires_at > %(at)s
