-- Nobody added anything to PostgreSQL's own schemas, where every statement looks first, nor casts, transforms or
-- ways to index, and nobody but their owner may.
select null::text as tenant_id, x.object, x.problem
from (
  select pg_describe_object(x.classid, x.oid, 0) as object, 'stands among PostgreSQL''s own' as problem
  from (
    select 'pg_proc'::regclass as classid, o.oid, o.pronamespace as schema_oid from pg_proc as o
    union all
    select 'pg_class'::regclass, o.oid, o.relnamespace from pg_class as o
    union all
    select 'pg_operator'::regclass, o.oid, o.oprnamespace from pg_operator as o
    union all
    select 'pg_opclass'::regclass, o.oid, o.opcnamespace from pg_opclass as o
    union all
    select 'pg_opfamily'::regclass, o.oid, o.opfnamespace from pg_opfamily as o
    union all
    select 'pg_collation'::regclass, o.oid, o.collnamespace from pg_collation as o
    union all
    select 'pg_conversion'::regclass, o.oid, o.connamespace from pg_conversion as o
    union all
    select 'pg_statistic_ext'::regclass, o.oid, o.stxnamespace from pg_statistic_ext as o
    union all
    select 'pg_ts_config'::regclass, o.oid, o.cfgnamespace from pg_ts_config as o
    union all
    select 'pg_ts_dict'::regclass, o.oid, o.dictnamespace from pg_ts_dict as o
    union all
    select 'pg_ts_parser'::regclass, o.oid, o.prsnamespace from pg_ts_parser as o
    union all
    select 'pg_ts_template'::regclass, o.oid, o.tmplnamespace from pg_ts_template as o
    union all
    -- The row type and the array type of what is told already say no more.
    select 'pg_type'::regclass, o.oid, o.typnamespace from pg_type as o where o.typrelid = 0 and o.typcategory <> 'A'
  ) as x
  where x.oid >= 16384 and x.schema_oid in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  union all
  -- These stand in no schema, and take part in every statement that they fit.
  select pg_describe_object(x.classid, x.oid, 0), 'is added to PostgreSQL''s own'
  from (
    select 'pg_cast'::regclass as classid, o.oid from pg_cast as o
    union all
    select 'pg_transform'::regclass, o.oid from pg_transform as o
    union all
    select 'pg_am'::regclass, o.oid from pg_am as o
    union all
    select 'pg_amop'::regclass, o.oid from pg_amop as o
    union all
    select 'pg_amproc'::regclass, o.oid from pg_amproc as o
  ) as x
  where x.oid >= 16384
  union all
  select 'schema ' || n.nspname, format('%s may make something in it', coalesce(r.rolname, 'PUBLIC'))
  from pg_namespace as n
  cross join aclexplode(n.nspacl) as a
  left join pg_roles as r on r.oid = a.grantee
  where n.nspname in ('pg_catalog', 'information_schema') and a.privilege_type = 'CREATE' and a.grantee <> n.nspowner
) as x
union all
select null, 'schemas of PostgreSQL', null
