-- Of which stages of its quota an organization was told. Written with the alert.

create table quota_warnings (
    organization_id text collate "C" not null,
    month           date     not null,
    quota           bigint   not null,
    stage           smallint not null,
    primary key (organization_id, month, quota, stage)
);
comment on column quota_warnings.quota is 'The limit that it was a part of: another plan has stages of its own.';
comment on column quota_warnings.stage is 'Per cent.';
create index billed_uses_by_month on billed_uses (month, organization_id);

grant select, insert on quota_warnings to keyledger_worker;
call fence('quota_warnings');
