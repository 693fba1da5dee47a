-- Which organization a mail is about. While the organization is deleted, its mails are not sent.
alter table mail_outbox add column organization_id text collate "C";
comment on column mail_outbox.organization_id is
    'The organization that the mail stops and is erased with. Null: it is about a person, or about the deletion itself.';
create index mail_outbox_by_organization on mail_outbox (organization_id) where organization_id is not null;
