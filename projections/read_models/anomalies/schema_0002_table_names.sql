-- Tables are called what the documentation calls their rows. A version of this read model that a rebuild has begun has
-- tables of the same names in a schema of its own, and continues with the statements of this release.
do $$
declare
    version name;
begin
    for version in
        select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relname = 'anomaly_signs' and n.nspname ~ '^anomaly_watch_new_[0-9]+$' and n.nspname <> current_schema()
    loop
        execute format('alter table %I.denied_minutes rename to denials_by_minute', version);
        execute format('alter table %I.anomaly_signs rename to anomaly_signals', version);
        execute format('alter table %I.anomalies_told rename to anomaly_cooldowns', version);
    end loop;
end
$$;

alter table denied_minutes rename to denials_by_minute;
alter index denied_minutes_pkey rename to denials_by_minute_pkey;
alter index denied_minutes_by_age rename to denials_by_minute_by_age;
comment on table denials_by_minute is 'Denials of the last hours, counted by minute. Older rows are deleted.';
comment on column denials_by_minute.subject is 'A key, or the address from which an unknown key was presented.';
comment on column denials_by_minute.organization_id is 'Empty if the presented key is unknown.';

alter table anomaly_signs rename to anomaly_signals;
alter index anomaly_signs_pkey rename to anomaly_signals_pkey;
alter index anomaly_signs_in_order rename to anomaly_signals_in_order;
alter index anomaly_signs_without_pause rename to anomaly_signals_without_pause;
comment on table anomaly_signals is 'Signals that the anomaly rules have not evaluated yet (domain/anomalies/evaluate.py).';
comment on column anomaly_signals.first_noted_at is
    'The first batch of uses since the last evaluation: a key that is used without a pause is evaluated all the same.';
comment on column anomaly_signals.noted_at is 'The time of the last batch of uses with this signal.';

alter table anomalies_told rename to anomaly_cooldowns;
alter index anomalies_told_pkey rename to anomaly_cooldowns_pkey;
comment on table anomaly_cooldowns is
    'The time that the last alert of a rule was about. The rule raises no further alert for a while. Written with the alert.';
