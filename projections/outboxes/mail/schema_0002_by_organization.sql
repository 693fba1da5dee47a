-- Which organization a mail is about. While the organization is deleted, its mails are not sent.
alter table mail_outbox
    add column organization_id   text collate "C",
    add column is_about_deletion boolean not null default false;
comment on column mail_outbox.organization_id is
    'The organization that the mail stops and is erased with. Null: it contains a sign-in link, which may lead to several.';
comment on column mail_outbox.is_about_deletion is 'Sent although the organization is deleted, because it reports the deletion.';
create index mail_outbox_by_organization on mail_outbox (organization_id) where organization_id is not null;

call enable_tenant_isolation('mail_outbox');
create policy sign_in_links on mail_outbox for insert to keyledger_gate with check (organization_id is null);
