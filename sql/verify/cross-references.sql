-- Nothing in a vault refers to anything outside of it but its policies to the guard, and nothing outside refers
-- to anything in it: no view, function, default, policy or publication.
with places as (
  select 'pg_class'::regclass as classid, c.oid as objid, v.schema_oid
  from vaults as v join pg_class as c on c.relnamespace = v.schema_oid
  union all
  select 'pg_constraint'::regclass, o.oid, v.schema_oid from vaults as v join pg_constraint as o on o.connamespace = v.schema_oid
  union all
  select 'pg_type'::regclass, y.oid, v.schema_oid from vaults as v join pg_type as y on y.typnamespace = v.schema_oid
  union all
  select 'pg_proc'::regclass, p.oid, v.schema_oid from vaults as v join pg_proc as p on p.pronamespace = v.schema_oid
  union all
  select 'pg_attrdef'::regclass, d.oid, t.schema_oid from vault_tables as t join pg_attrdef as d on d.adrelid = t.oid
  union all
  select 'pg_policy'::regclass, p.oid, t.schema_oid from vault_tables as t join pg_policy as p on p.polrelid = t.oid
  union all
  select 'pg_trigger'::regclass, g.oid, t.schema_oid from vault_tables as t join pg_trigger as g on g.tgrelid = t.oid
  union all
  select 'pg_rewrite'::regclass, w.oid, t.schema_oid from vault_tables as t join pg_rewrite as w on w.ev_class = t.oid
  union all
  select 'pg_statistic_ext'::regclass, s.oid, v.schema_oid from vaults as v join pg_statistic_ext as s on s.stxnamespace = v.schema_oid
),
links as (
  select d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid,
    f.schema_oid as from_schema, t.schema_oid as to_schema
  from pg_depend as d
  left join places as f on f.classid = d.classid and f.objid = d.objid
  left join places as t on t.classid = d.refclassid and t.objid = d.refobjid
  -- A TOAST table is part of its table.
  left join pg_class as o on d.classid = 'pg_class'::regclass and o.oid = d.objid and o.relkind = 't'
  where (f.schema_oid is not null or t.schema_oid is not null)
    and d.refclassid <> 'pg_namespace'::regclass and o.oid is null
),
crossing as (
  select l.*
  from links as l
  where l.from_schema is distinct from l.to_schema
    and not (l.classid = 'pg_policy'::regclass and l.to_schema is null and l.refclassid = 'pg_proc'::regclass
      and l.refobjid in (select p.oid from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname = 'guard'))
)
select v.tenant_id, pg_describe_object(c.classid, c.objid, c.objsubid) as object,
  'refers to ' || pg_describe_object(c.refclassid, c.refobjid, c.refobjsubid) as problem
from crossing as c
join vaults as v on v.schema_oid = coalesce(c.to_schema, c.from_schema)
union all
select v.tenant_id, 'vault ' || v.vault, null from vaults as v
