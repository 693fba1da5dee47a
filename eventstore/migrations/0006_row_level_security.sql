-- The second fence between organizations, for a statement that forgets to ask for one (docs/decisions/0014). Three roles
-- see three things:
--   keyledger_app     the rows of the organization that its transaction is bound to; none when it is bound to none
--   keyledger_gate    of every organization, but only what a presented credential is decided upon; it writes uses
--   keyledger_worker  every row; it may do what keyledger_app may
-- The owner of the tables, who migrates and checks, is not held back.

do $$
declare
    name text;
begin
    foreach name in array array['keyledger_gate', 'keyledger_worker'] loop
        begin
            if not exists (select from pg_roles where rolname = name) then
                execute format('create role %I nologin', name);
            end if;
        exception
            -- Two databases of one cluster are migrated at once: the other one made it.
            when duplicate_object or unique_violation then null;
        end;
        -- The migrating user must be able to take the role on; a superuser always can.
        if not pg_has_role(current_user, name, 'set') then
            execute format('grant %I to %I', name, current_user);
        end if;
    end loop;
    if not pg_has_role('keyledger_worker', 'keyledger_app', 'usage') then
        grant keyledger_app to keyledger_worker;
    end if;
end
$$;

grant usage on schema public to keyledger_gate;
grant select on schema_migrations to keyledger_gate;

create function bound_organization() returns text language sql stable parallel safe
    return nullif(current_setting('keyledger.organization_id', true), '');
comment on function bound_organization is
    'The organization that this transaction is bound to (eventstore/bound.py); null when it is bound to none.';

create procedure fence(in_table regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', in_table);
    execute format(
        'create policy own_organization on %s to keyledger_app
         using (organization_id = bound_organization()) with check (organization_id = bound_organization())', in_table);
    execute format(
        'create policy every_organization on %s to keyledger_worker using (true) with check (true)', in_table);
end
$$;
comment on procedure fence is
    'For every table with a column organization_id: the application sees and changes the rows of the bound organization only.';

create procedure gate_reads(in_table regclass) language plpgsql as $$
begin
    execute format('grant select on %s to keyledger_gate', in_table);
    execute format('create policy presented_credentials on %s for select to keyledger_gate using (true)', in_table);
end
$$;
comment on procedure gate_reads is
    'For a fenced table that presented credentials are decided upon: the gate reads it, whose row it ever is.';

call fence('streams');
call fence('events');
call fence('idempotency_keys');

-- A new partition has no policies: nothing is read or written by its own name, even if it were granted.
call fence('usage_events');
create policy recorded_uses on usage_events for insert to keyledger_gate with check (true);
grant select, update on lane_heads to keyledger_gate;
grant select, insert on usage_batches to keyledger_gate;
grant insert on usage_events to keyledger_gate;
grant execute on function usage_partition_ensure to keyledger_gate;
