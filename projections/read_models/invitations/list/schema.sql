-- Invitations, and the addresses of those that are open. Inline: it changes with the log in one transaction.

create table invitation_list (
    invitation_id   text collate "C" primary key,
    organization_id text collate "C" not null,
    role            text  not null check (role in ('viewer', 'member', 'auditor', 'admin')),
    status          text  not null check (status in ('open', 'accepted', 'revoked')),
    token_digest    bytea not null unique,
    invited_by      text collate "C" not null,
    invited_at      timestamptz not null,
    expires_at      timestamptz not null
);
comment on column invitation_list.status is 'open: also after expires_at, when it can not be accepted any more.';
comment on column invitation_list.token_digest is 'SHA-256 of the secret in the link. Kept when the invitation has ended, so that a late click is told why.';
comment on column invitation_list.invited_by is 'The id of the person or key that sent it.';
create index invitation_list_open on invitation_list (organization_id, invited_at desc, invitation_id desc)
    where status = 'open';

create table invitation_addresses (
    invitation_id   text collate "C" primary key,
    organization_id text collate "C" not null,
    email           text not null,
    folded          text not null
);
comment on table invitation_addresses is
    'Whom an open invitation is for. In no event, so that it can be erased; gone when the invitation was accepted or revoked.';
comment on column invitation_addresses.folded is 'The form that is compared (domain/members/email_address.py).';
create unique index invitation_addresses_folded on invitation_addresses (organization_id, folded);

grant select, insert, update on invitation_list to keyledger_app;
grant select, insert, delete on invitation_addresses to keyledger_app;
call fence('invitation_list');
call fence('invitation_addresses');
-- Whoever follows the link belongs to no organization yet.
call gate_reads('invitation_list');
