-- connection_settings
-- Who the session is, and what it shows for each name; empty: not set. $1 names of settings
select current_user::text, array(
    select coalesce(current_setting(name, true), '') from unnest(%s::text[]) with ordinality as s (name, at) order by at
)

-- clock
-- The instant of the database, also inside a transaction that began earlier.
select clock_timestamp()

-- read_only
-- Whether the server accepts no changes, as after a failover: on or off.
select current_setting('transaction_read_only')

-- standbys_wait
-- Writes a message that no program reads. Its commit waits for the synchronous standbys like that of a change.
select pg_logical_emit_message(true, 'keyledger', '')

-- begin_reading
-- Starts a transaction that reads data of one organization: two statements, sent together. $1 organization
begin read only; select set_config('keyledger.organization_id', %s, true)

-- begin_writing
-- Starts a transaction that writes data of one organization. $1 organization
begin; select set_config('keyledger.organization_id', %s, true)

-- begin_as_auth
-- Starts a transaction in the role that looks up presented credentials of any organization.
begin; select set_config('role', 'keyledger_gate', true)

-- login_facts
-- Whether this is the login of the session, whether it exists, and whether the session may grant privileges here.
-- Parameters by name: login
select %(login)s::text = session_user, exists (select from pg_roles where rolname = %(login)s::text),
       (select pg_has_role(session_user, datdba, 'usage') from pg_database where datname = current_database())

-- login_excess
-- What a login may do beyond taking on the three roles, one line each. Parameters by name: login; roles
with login as (select * from pg_roles where rolname = %(login)s::text)
select 'is a superuser' from login where rolsuper
union all select 'may create roles' from login where rolcreaterole
union all select 'may create databases' from login where rolcreatedb
union all select 'may replicate' from login where rolreplication
union all select 'bypasses row-level security' from login where rolbypassrls
union all select 'inherits the rights of ' || r.rolname
from login join pg_auth_members m on m.member = login.oid join pg_roles r on r.oid = m.roleid
where m.inherit_option and r.rolname = any(%(roles)s::text[])
union all select 'is a member of ' || r.rolname
from login join pg_auth_members m on m.member = login.oid join pg_roles r on r.oid = m.roleid
where r.rolname <> all(%(roles)s::text[])
union all select 'owns the database' from login join pg_database d on d.datdba = login.oid where d.datname = current_database()
union all select 'owns the schema ' || n.nspname from login join pg_namespace n on n.nspowner = login.oid
union all select 'owns ' || c.oid::regclass::text from login join pg_class c on c.relowner = login.oid
union all select 'owns the function ' || p.oid::regprocedure::text from login join pg_proc p on p.proowner = login.oid
union all select 'may create in the schema ' || n.nspname
from login join pg_namespace n on has_schema_privilege(login.oid, n.oid, 'create')
where not login.rolsuper and n.nspname !~ '^pg_(toast_)?temp_'
