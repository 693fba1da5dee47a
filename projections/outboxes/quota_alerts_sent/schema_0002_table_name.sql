-- The table is called what its rows are: alerts that were sent.
alter table quota_warnings rename to quota_alerts_sent;
alter index quota_warnings_pkey rename to quota_alerts_sent_pkey;
comment on table quota_alerts_sent is 'The stages of its quota that an organization was alerted of. Written with the alert.';
comment on column quota_alerts_sent.quota is 'The limit at the time: another plan has stages of its own.';
comment on column quota_alerts_sent.stage is 'Percent.';
