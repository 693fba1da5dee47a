-- member_put
-- Stores a member. $1 user, $2 organization, $3 role, $4 time
insert into member_list (user_id, organization_id, role, added_at) values (%s, %s, %s, %s)
on conflict (user_id) do update set role = excluded.role

-- member_remove
-- Removes a member. $1 user
delete from member_list where user_id = %s

-- user_put
-- Stores the address of a user. $1 user, $2 organization, $3 address, $4 its normalized form, for comparisons
insert into users (user_id, organization_id, email, folded) values (%s, %s, %s, %s)
on conflict (user_id) do update set email = excluded.email, folded = excluded.folded

-- user_leave
-- Deletes the normalized form of a removed member's address. The address can then be invited again, and a sign-in no
-- longer finds it. $1 user
update users set folded = null where user_id = %s

-- users_erase
-- Deletes the addresses of all members and former members of an organization. Other organizations of the same person
-- have their own rows. $1 organization
delete from users where organization_id = %s

-- emails_of_managers
-- The addresses of the owner and the admins of an organization. $1 organization
select m.user_id, u.email from member_list m join users u using (user_id)
where m.organization_id = %s and m.role in ('owner', 'admin')
order by m.user_id

-- emails
-- The addresses of users. $1 users
select user_id, email from users where user_id = any(%s::text[])

-- detail
-- One member. $1 user, $2 organization
select m.user_id, u.email, m.role, m.added_at, v.version
from member_list m join streams v on v.stream_id = m.user_id left join users u on u.user_id = m.user_id
where m.user_id = %s and m.organization_id = %s

-- page
-- Members in the order in which they joined. Parameters by name: organization_id; role, null for any; limit, offset
select m.user_id, u.email, m.role, m.added_at, v.version
from member_list m join streams v on v.stream_id = m.user_id left join users u on u.user_id = m.user_id
where m.organization_id = %(organization_id)s and (%(role)s::text is null or m.role = %(role)s::text)
order by m.added_at, m.user_id limit %(limit)s offset %(offset)s

-- page_after
-- The page after the member who was added at added_at with the id user_id. The other parameters are as above.
select m.user_id, u.email, m.role, m.added_at, v.version
from member_list m join streams v on v.stream_id = m.user_id left join users u on u.user_id = m.user_id
where m.organization_id = %(organization_id)s and (m.added_at, m.user_id) > (%(added_at)s, %(user_id)s)
  and (%(role)s::text is null or m.role = %(role)s::text)
order by m.added_at, m.user_id limit %(limit)s

-- total
-- The number of members. Parameters by name, as above.
select count(*) from member_list
where organization_id = %(organization_id)s and (%(role)s::text is null or role = %(role)s::text)
