-- Nobody added anything to PostgreSQL's own schemas, where every statement looks first, and nobody but their
-- owner may.
select null::text as tenant_id, coalesce(x.object, 'schemas of PostgreSQL') as object, x.problem
from (
  select pg_describe_object(d.classid, d.objid, d.objsubid) as object, 'stands among PostgreSQL''s own' as problem
  from pg_depend as d
  where d.refclassid = 'pg_namespace'::regclass and d.objid >= 16384
    and d.refobjid in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  union all
  select format('%s pg_catalog.%s', x.kind, x.name), 'stands among PostgreSQL''s own'
  from (
    select 'function' as kind, p.proname as name from pg_proc as p
    where p.pronamespace = 'pg_catalog'::regnamespace and p.oid >= 16384
    union
    select 'relation', c.relname from pg_class as c
    where c.relnamespace = 'pg_catalog'::regnamespace and c.oid >= 16384
    union
    select 'operator', o.oprname from pg_operator as o
    where o.oprnamespace = 'pg_catalog'::regnamespace and o.oid >= 16384
  ) as x
  union all
  select 'schema ' || n.nspname, format('%s may make something in it', coalesce(r.rolname, 'PUBLIC'))
  from pg_namespace as n
  cross join aclexplode(n.nspacl) as a
  left join pg_roles as r on r.oid = a.grantee
  where n.nspname in ('pg_catalog', 'information_schema') and a.privilege_type = 'CREATE' and a.grantee <> n.nspowner
) as x
