-- Of which alerts people want to get mails, where they chose something. Inline: it changes with the log in one transaction.

create table mail_preferences (
    user_id         text collate "C" primary key,
    organization_id text collate "C" not null,
    chosen          bytea not null
);
comment on table mail_preferences is 'One row a member who chose something. What the others get follows from their role.';
comment on column mail_preferences.chosen is 'JSON: what they chose (domain/members/notifications.py).';

grant select, insert, update, delete on mail_preferences to keyledger_app;
call fence('mail_preferences');
