-- Before a mail is sent, what it tells of is held against what its reader may see by then.
create index alert_notices_by_mail on alert_notices (mail_id) where mail_id is not null;
