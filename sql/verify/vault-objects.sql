-- A vault holds tables and what belongs to them. A view or a function would run with its owner's rights,
-- around the policies; a trigger or a rule does something else than the statement says.
select v.tenant_id, case when x.problem is null then x.object
  else pg_describe_object(d.classid, d.objid, d.objsubid) end as object, x.problem
from vaults as v
join pg_depend as d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = v.schema_oid
left join pg_class as c on d.classid = 'pg_class'::regclass and c.oid = d.objid
cross join lateral (
  select 'table ' || c.relname as object,
    case
      when c.oid is null then 'is in the vault and no table'
      when c.relkind <> 'r' then 'is in the vault and no table'
    end as problem
) as x
union all
select t.tenant_id, format('trigger %s on %s.%s', g.tgname, t.vault, t.relname),
  case
    when not g.tgisinternal then 'is in the vault'
    when g.tgenabled <> 'O' then 'is switched off or on for replication, so a constraint is not what it says'
  end
from vault_tables as t
join pg_trigger as g on g.tgrelid = t.oid
union all
select t.tenant_id, format('rule %s on %s.%s', w.rulename, t.vault, t.relname), 'is in the vault'
from vault_tables as t
join pg_rewrite as w on w.ev_class = t.oid
