-- What the rules about anomalies look at, as it follows from the usage log, and the signs that they are still to look at.

create table key_hours (
    key_id          text collate "C" not null,
    hour            timestamptz not null,
    organization_id text collate "C" not null,
    requests        bigint not null,
    errors          bigint not null,
    denied          bigint not null,
    managed         bigint not null,
    primary key (key_id, hour)
) with (fillfactor = 70);
comment on table key_hours is 'What became of a key''s uses in an hour (UTC). A call that failed counts in the hour in which it ended.';
comment on column key_hours.requests is 'Uses that were let in: verify, check, call.';
comment on column key_hours.managed is 'Uses for management that were let in.';

create function network_of(in_ip text) returns text language plpgsql stable strict parallel safe as $$
declare
    -- Or all IPv4 callers of a server that listens on both would be in one network.
    address text := regexp_replace(in_ip, '^::ffff:([0-9]+[.][0-9]+[.][0-9]+[.][0-9]+)$', '\1', 'i');
begin
    -- Not in one expression: the planner may take a cast of a constant before what guards it.
    if not pg_input_is_valid(address, 'inet') then
        return null;
    end if;
    return network(set_masklen(address::inet, case family(address::inet) when 4 then 24 else 48 end))::text;
end
$$;
comment on function network_of is 'The /24 (IPv4, also mapped into IPv6) or /48 (IPv6) of an address; null for what is none.';

create table key_networks (
    key_id          text collate "C" not null,
    network         text collate "C" not null,
    organization_id text collate "C" not null,
    first_seen      timestamptz not null,
    primary key (key_id, network)
);
comment on column key_networks.network is 'The /24 (IPv4) or /48 (IPv6) of an address that the key was let in from.';

create table denied_minutes (
    subject         text collate "C" not null,
    organization_id text collate "C" not null,
    minute          timestamptz not null,
    code            text collate "C" not null,
    denied          bigint not null,
    primary key (subject, organization_id, minute, code)
) with (fillfactor = 70);
comment on table denied_minutes is 'Refusals of the last hours, by minute; older ones are forgotten.';
comment on column denied_minutes.subject is 'A key; or the address that a key which nobody has was presented from.';
comment on column denied_minutes.organization_id is 'Empty where nobody knows whose it is.';
create index denied_minutes_by_age on denied_minutes (minute);

create table anomaly_signs (
    kind            text not null check (kind in ('hour', 'network', 'denied', 'unknown')),
    subject         text collate "C" not null,
    organization_id text collate "C" not null,
    at              timestamptz not null,
    detail          text collate "C" not null,
    first_noted_at  timestamptz not null,
    noted_at        timestamptz not null,
    primary key (kind, subject, organization_id, at, detail)
) with (fillfactor = 70);
comment on table anomaly_signs is 'What the rules are still to look at: see domain/anomalies/judge.py.';
comment on column anomaly_signs.first_noted_at is
    'Of the batches since it was looked at last, the first: who is used without a pause is looked at all the same.';
comment on column anomaly_signs.noted_at is 'The instant of the last batch of uses that it is a sign of.';
create index anomaly_signs_in_order on anomaly_signs (noted_at, at);
create index anomaly_signs_without_pause on anomaly_signs (first_noted_at, at);

create table anomalies_told (
    subject         text collate "C" not null,
    organization_id text collate "C" not null,
    rule            text not null,
    at              timestamptz not null,
    primary key (subject, organization_id, rule)
);
comment on table anomalies_told is 'About which instant a rule spoke last: it is silent for a while then. Written with the alert.';

grant select, insert, update, delete on key_hours, key_networks, denied_minutes, anomaly_signs, anomalies_told to keyledger_worker;
call fence('key_hours');
call fence('key_networks');
call fence('denied_minutes');
call fence('anomaly_signs');
call fence('anomalies_told');
