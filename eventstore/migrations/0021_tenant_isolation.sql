-- The procedures that set up row-level security get the names that the documentation uses. Scripts that have landed call
-- the old names, which stay for them: each database applies all scripts in their order. New scripts call the new names.
alter procedure fence(regclass) rename to enable_tenant_isolation;
comment on procedure enable_tenant_isolation is
    'For each table with a column organization_id: the application reads and changes rows of the bound organization only.';

alter procedure gate_reads(regclass) rename to grant_auth_read;
comment on procedure grant_auth_read is
    'For an isolated table that presented credentials are checked against: authentication reads the rows of every organization.';

create procedure fence(in_table regclass) language plpgsql as $$
begin
    call enable_tenant_isolation(in_table);
end
$$;
comment on procedure fence is 'The former name of enable_tenant_isolation.';

create procedure gate_reads(in_table regclass) language plpgsql as $$
begin
    call grant_auth_read(in_table);
end
$$;
comment on procedure gate_reads is 'The former name of grant_auth_read.';
