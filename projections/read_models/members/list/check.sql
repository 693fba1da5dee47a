-- users_astray
-- Addresses of people who are in no event, or whose address is still compared although they were removed.
select u.user_id
from users u left join member_list m using (user_id)
where m.organization_id <> u.organization_id or (m.user_id is null and u.folded is not null)
   or not exists (select from streams s where s.stream_id = u.user_id)
