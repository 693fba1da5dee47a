-- The procedures that set up row-level security, under the names that the documentation uses. Scripts that have landed call
-- the old names, which stay for them: each database applies all scripts in their order. New scripts call the new names.
create procedure enable_tenant_isolation(in_table regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', in_table);
    execute format(
        'create policy own_organization on %s to keyledger_app
         using (organization_id = bound_organization()) with check (organization_id = bound_organization())', in_table);
    execute format(
        'create policy every_organization on %s to keyledger_worker using (true) with check (true)', in_table);
end
$$;
comment on procedure enable_tenant_isolation is
    'For each table with a column organization_id: the application reads and changes rows of the bound organization only.';

create procedure grant_auth_read(in_table regclass) language plpgsql as $$
begin
    execute format('grant select on %s to keyledger_gate', in_table);
    execute format('create policy presented_credentials on %s for select to keyledger_gate using (true)', in_table);
end
$$;
comment on procedure grant_auth_read is
    'For an isolated table that presented credentials are checked against: authentication reads the rows of every organization.';

create or replace procedure fence(in_table regclass) language plpgsql as $$
begin
    call enable_tenant_isolation(in_table);
end
$$;
comment on procedure fence is 'The former name of enable_tenant_isolation.';

create or replace procedure gate_reads(in_table regclass) language plpgsql as $$
begin
    call grant_auth_read(in_table);
end
$$;
comment on procedure gate_reads is 'The former name of grant_auth_read.';
