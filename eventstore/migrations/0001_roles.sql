-- The application's role. Whoever connects for the application takes it on (see eventstore/database.py), so that what is
-- revoked from it here is out of reach even for a statement that should never have been written.
do $$
begin
    if not exists (select from pg_roles where rolname = 'keyledger_app') then
        create role keyledger_app nologin;
    end if;
exception
    -- Two databases of one cluster are migrated at once: the other one made it.
    when duplicate_object or unique_violation then null;
end
$$;

do $$
begin
    -- The migrating user must be able to take the role on; a superuser always can.
    if not pg_has_role(current_user, 'keyledger_app', 'set') then
        execute format('grant keyledger_app to %I', current_user);
    end if;
end
$$;

grant usage on schema public to keyledger_app;

-- For the readiness check.
grant select on schema_migrations to keyledger_app;
