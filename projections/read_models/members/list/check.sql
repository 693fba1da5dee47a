-- users_astray
-- Addresses of users who are in no event, or of removed users whose address is still compared.
select u.user_id
from users u left join member_list m using (user_id)
where m.organization_id <> u.organization_id or (m.user_id is null and u.folded is not null)
   or not exists (select from streams s where s.stream_id = u.user_id)
