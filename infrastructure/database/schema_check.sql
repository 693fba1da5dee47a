-- accepts_changes
select not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off'

-- roles_differing
-- What is not as the migrations make the roles of the program, and the statement that mends it. $1 the roles
select format('role %%I does not exist', name), format('create role %%I nologin', name)
from unnest(%(roles)s::text[]) as name
where not exists (select from pg_roles where rolname = name)
union all
select format('role %%I may pass by grants or row-level security', rolname),
       format('alter role %%I nosuperuser nobypassrls noreplication nocreaterole', rolname)
from pg_roles where rolname = any(%(roles)s::text[]) and (rolsuper or rolbypassrls or rolreplication or rolcreaterole)
union all
select format('role %%I is a member of %%I', member.rolname, held.rolname),
       format('revoke %%I from %%I granted by %%I', held.rolname, member.rolname, grantor.rolname)
from pg_auth_members a
join pg_roles member on member.oid = a.member
join pg_roles held on held.oid = a.roleid
join pg_roles grantor on grantor.oid = a.grantor
where member.rolname = any(%(roles)s::text[]) and (member.rolname, held.rolname) <> ('keyledger_worker', 'keyledger_app')
union all
select 'role keyledger_worker is not a member of keyledger_app', 'grant keyledger_app to keyledger_worker'
where to_regrole('keyledger_app') is not null and to_regrole('keyledger_worker') is not null
  and not pg_has_role('keyledger_worker', 'keyledger_app', 'usage')

-- roles_out_of_reach
-- Roles that the current user cannot take on. $1 the roles
select rolname from pg_roles where rolname = any(%(roles)s::text[]) and not pg_has_role(current_user, rolname, 'set')

-- schema_objects
-- Everything in a schema that the migrations make, as text that is the same in any schema that comes first in the search
-- path. kind, relation that it belongs to, name, definition, statement that makes it, statement that removes it.
-- $1 the schema, $2 the roles of the program
with relation as (
    select c.oid, c.relname as name, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.relispartition, c.relpartbound
    from pg_class c where c.relnamespace = to_regnamespace(%(schema)s) and c.relkind in ('r', 'p')
), routine as (
    select p.oid, p.oid::regprocedure::text as name, coalesce(p.proacl, acldefault('f', p.proowner)) as acl
    from pg_proc p where p.pronamespace = to_regnamespace(%(schema)s) and p.prokind in ('f', 'p')
), grantee as (
    select 0::oid as oid, 'public' as name
    union all select oid, quote_ident(rolname) from pg_roles where rolname = any(%(roles)s::text[])
)
select 'table', name, 'table ' || name, '', null, null from relation
union all
select 'column', r.name, format('column %%I.%%I', r.name, a.attname),
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end, pg_get_expr(d.adbin, d.adrelid)),
       null, null
from relation r
join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
union all
select 'row security', name, 'row-level security on ' || name, '',
       format('alter table %%I enable row level security', name), format('alter table %%I disable row level security', name)
from relation where relrowsecurity
union all
select 'row security', name, 'row-level security for the owner of ' || name, '',
       format('alter table %%I force row level security', name), format('alter table %%I no force row level security', name)
from relation where relforcerowsecurity
union all
select 'grant', r.name, format('grant of %%s on %%I to %%s', lower(a.privilege_type), r.name, g.name), '',
       format('grant %%s on %%I to %%s', a.privilege_type, r.name, g.name), format('revoke %%s on %%I from %%s', a.privilege_type, r.name, g.name)
from relation r cross join aclexplode(r.relacl) a join grantee g on g.oid = a.grantee
union all
select 'grant', r.name, format('grant of %%s (%%I) on %%I to %%s', lower(x.privilege_type), a.attname, r.name, g.name), '',
       format('grant %%s (%%I) on %%I to %%s', x.privilege_type, a.attname, r.name, g.name),
       format('revoke %%s (%%I) on %%I from %%s', x.privilege_type, a.attname, r.name, g.name)
from relation r join pg_attribute a on a.attrelid = r.oid cross join aclexplode(a.attacl) x join grantee g on g.oid = x.grantee
union all
select 'grant', '', format('grant of %%s on schema public to %%s', lower(a.privilege_type), g.name), '',
       format('grant %%s on schema public to %%s', a.privilege_type, g.name), format('revoke %%s on schema public from %%s', a.privilege_type, g.name)
from pg_namespace n cross join aclexplode(n.nspacl) a join grantee g on g.oid = a.grantee and g.oid <> 0
where n.oid = to_regnamespace(%(schema)s)
union all
select 'policy', r.name, format('policy %%I on %%I', p.polname, r.name), made.definition, made.definition,
       format('drop policy %%I on %%I', p.polname, r.name)
from relation r join pg_policy p on p.polrelid = r.oid
cross join lateral (select format('create policy %%I on %%I as %%s for %%s to %%s%%s%%s', p.polname, r.name,
    case when p.polpermissive then 'permissive' else 'restrictive' end,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
    coalesce((select string_agg(quote_ident(rolname), ', ' order by rolname) from pg_roles where oid = any(p.polroles)), 'public'),
    ' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
) as definition) made
union all
select 'trigger', r.name, format('trigger %%I on %%I', t.tgname, r.name), pg_get_triggerdef(t.oid, true), pg_get_triggerdef(t.oid, true),
       format('drop trigger %%I on %%I', t.tgname, r.name)
from relation r join pg_trigger t on t.tgrelid = r.oid where not t.tgisinternal and t.tgparentid = 0
union all
select 'enabled trigger', r.name, format('enabled trigger %%I on %%I', t.tgname, r.name), '',
       format('alter table %%I enable trigger %%I', r.name, t.tgname), null
from relation r join pg_trigger t on t.tgrelid = r.oid where not t.tgisinternal and t.tgenabled = 'O'
union all
select distinct 'disabled trigger', r.name, 'disabled triggers of constraints on ' || r.name, '', null::text,
       format('alter table %%I enable trigger all', r.name)
from relation r join pg_trigger t on t.tgrelid = r.oid where t.tgisinternal and t.tgenabled <> 'O'
union all
select 'rule', r.name, format('rule %%I on %%I', w.rulename, r.name), pg_get_ruledef(w.oid, true), pg_get_ruledef(w.oid, true),
       format('drop rule %%I on %%I', w.rulename, r.name)
from relation r join pg_rewrite w on w.ev_class = r.oid
union all
select 'constraint', r.name, format('constraint %%I on %%I', c.conname, r.name), pg_get_constraintdef(c.oid, true),
       format('alter table %%I add constraint %%I %%s', r.name, c.conname, pg_get_constraintdef(c.oid, true)), null
from relation r join pg_constraint c on c.conrelid = r.oid where c.contype in ('c', 'f', 'p', 'u', 'x')
union all
select 'index', r.name, 'index ' || i.indexrelid::regclass::text,
       pg_get_indexdef(i.indexrelid, 0, true) || case when i.indisvalid then '' else ' (invalid)' end,
       pg_get_indexdef(i.indexrelid, 0, true), null
from relation r join pg_index i on i.indrelid = r.oid
where not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x'))
union all
select 'partition', name, 'partition ' || name, pg_get_expr(relpartbound, oid),
       format('alter table usage_events attach partition %%I %%s', name, pg_get_expr(relpartbound, oid)), null
from relation where relispartition
union all
select 'function', name, 'function ' || name, pg_get_functiondef(oid), pg_get_functiondef(oid), null from routine
union all
select 'grant', r.name, format('grant of execute on %%s to %%s', r.name, g.name), '',
       format('grant execute on routine %%s to %%s', r.name, g.name), format('revoke execute on routine %%s from %%s', r.name, g.name)
from routine r cross join aclexplode(r.acl) a join grantee g on g.oid = a.grantee
