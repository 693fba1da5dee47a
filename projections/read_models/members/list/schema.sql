-- The people of an organization. Inline: it changes with the log in one transaction.

create table member_list (
    user_id         text collate "C" primary key,
    organization_id text collate "C" not null,
    role            text not null check (role in ('viewer', 'member', 'auditor', 'admin', 'owner')),
    added_at        timestamptz not null
);
comment on table member_list is 'One row a member. Whoever was removed has none.';
create index member_list_by_organization on member_list (organization_id, added_at, user_id);
create unique index member_list_one_owner on member_list (organization_id) where role = 'owner';

create table users (
    user_id         text collate "C" primary key,
    organization_id text collate "C" not null,
    email           text not null,
    folded          text
);
comment on table users is
    'Addresses of people. In no event, so that they can be erased while the log stays whole. Kept when they are removed, for names in what happened before.';
comment on column users.folded is
    'The form that is compared (domain/members/email_address.py). Null of someone who was removed: the address can join anew, and nobody signs in with it.';
create unique index users_one_address on users (organization_id, folded);
create index users_folded on users (folded);

grant select, insert, update, delete on member_list to keyledger_app;
grant select, insert, update, delete on users to keyledger_app;
call fence('member_list');
call fence('users');
