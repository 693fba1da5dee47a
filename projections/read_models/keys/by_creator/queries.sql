-- lineage_put
-- Stores the creator of a key. $1 key, $2 organization, $3 its creator, $4 its management grants
insert into key_lineage (key_id, organization_id, created_by, manages) values (%s, %s, %s, %s)
on conflict (key_id) do update set manages = excluded.manages

-- lineage_remove
-- Removes a key. $1 key
delete from key_lineage where key_id = %s

-- root_creator
-- The start of the chain of keys that created a key, and its current role: null for a removed user. A key can only be
-- created by an older one, so the chain ends. Parameters by name: organization_id; created_by, of the key
with recursive chain (creator) as (
    select %(created_by)s::text collate "C"
    union all
    select k.created_by from chain c join key_list k on k.key_id = c.creator
    where k.organization_id = %(organization_id)s
)
select c.creator, m.role
from chain c left join member_list m on m.user_id = c.creator and m.organization_id = %(organization_id)s
where not starts_with(c.creator, 'key_')

-- keys_of
-- The keys that a user created, and the managing keys that descend from them, through any number of keys in any state.
-- Parameters by name: organization_id, user_id; held, null or the only grants that a key is left out with; limit
with recursive came_of (key_id, manages, maker) as (
    select key_id, manages, created_by from key_lineage where organization_id = %(organization_id)s and managing
    union all
    select c.key_id, c.manages, (select k.created_by from key_list k where k.key_id = c.maker)
    from came_of c where c.maker is not null
), theirs (key_id, manages) as (
    select key_id, manages from key_lineage
    where organization_id = %(organization_id)s and created_by = %(user_id)s
    union
    select key_id, manages from came_of where maker = %(user_id)s
)
select key_id from theirs
where %(held)s::text[] is null or not manages <@ %(held)s::text[]
order by key_id limit %(limit)s
