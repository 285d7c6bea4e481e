-- Nobody of the service has more rights on PostgreSQL's own objects than initdb or the hardening gave: the reader
-- of the catalogue what PUBLIC had at first, the others what the migrations list, a vault's role nothing.
with own as (
  select 'pg_proc'::regclass as classid, p.oid as objid, 0 as objsubid, 'f'::"char" as kind, p.proowner as owner, p.proacl as acl
  from pg_proc as p
  union all
  select 'pg_class'::regclass, c.oid, 0, case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner, c.relacl
  from pg_class as c where c.relacl is not null
  union all
  -- A column has no rights by default.
  select 'pg_class'::regclass, a.attrelid, a.attnum::integer, 'c', c.relowner, a.attacl
  from pg_attribute as a join pg_class as c on c.oid = a.attrelid where a.attacl is not null
  union all
  select 'pg_language'::regclass, l.oid, 0, 'l', l.lanowner, l.lanacl from pg_language as l
  union all
  select 'pg_namespace'::regclass, n.oid, 0, 'n', n.nspowner, n.nspacl from pg_namespace as n
  union all
  select 'pg_type'::regclass, y.oid, 0, 'T', y.typowner, y.typacl from pg_type as y where y.typacl is not null
  union all
  select 'pg_tablespace'::regclass, s.oid, 0, 't', s.spcowner, s.spcacl from pg_tablespace as s
),
granted as (
  select o.classid, o.objid, o.objsubid, o.kind, o.owner, a.grantee, a.privilege_type, a.is_grantable
  from own as o
  cross join aclexplode(coalesce(o.acl, case when o.kind <> 'c' then acldefault(o.kind, o.owner) end)) as a
  where o.objid < 16384 and a.grantee <> o.owner
),
-- Without a row of its own an object began with what is usual for its kind.
first as (
  select g.classid, g.objid, g.objsubid, a.grantee, a.privilege_type, a.is_grantable
  from (select distinct classid, objid, objsubid, kind, owner from granted) as g
  left join pg_init_privs as i on i.classoid = g.classid and i.objoid = g.objid and i.objsubid = g.objsubid
  cross join aclexplode(coalesce(i.initprivs, case when g.kind <> 'c' then acldefault(g.kind, g.owner) end)) as a
  union all
  -- What the information schema grants is in no list of what was there at first.
  select 'pg_class'::regclass, c.oid, 0, 0::oid, 'SELECT', false
  from pg_class as c
  where c.relnamespace = 'information_schema'::regnamespace and c.relkind in ('r', 'v') and c.relname !~ '^_'
  union all
  select 'pg_namespace'::regclass, 'information_schema'::regnamespace::oid, 0, 0::oid, 'USAGE', false
),
compared as (
  select g.*, r.rolname,
    coalesce(bool_or(f.grantee = g.grantee and (f.is_grantable or not g.is_grantable)), false) as from_first,
    coalesce(bool_or(f.grantee = 0), false) and not g.is_grantable as public_had_it
  from granted as g
  left join first as f on f.classid = g.classid and f.objid = g.objid and f.objsubid = g.objsubid
    and f.privilege_type = g.privilege_type
  left join pg_roles as r on r.oid = g.grantee
  group by g.classid, g.objid, g.objsubid, g.kind, g.owner, g.grantee, g.privilege_type, g.is_grantable, r.rolname
)
select null::text as tenant_id,
  case when x.problem is null then '' else pg_describe_object(c.classid, c.objid, c.objsubid) end as object, x.problem
from compared as c
cross join expected
cross join lateral (
  select case
    when c.from_first then null
    when c.rolname = 'wellvault_catalog_reader' and c.public_had_it then null
    when not c.is_grantable and expected.value -> 'service' ?
      concat_ws(' ', c.rolname, 'a', (pg_identify_object(c.classid, c.objid, c.objsubid)).identity) then null
    when c.grantee = 0 or c.rolname ~ '^(wellvault_|v_[0-9a-f]{16}$)' then
      format('%s has %s on it%s', coalesce(c.rolname, 'PUBLIC'), c.privilege_type,
        case when c.is_grantable then ' and may pass it on' else '' end)
  end as problem
) as x
