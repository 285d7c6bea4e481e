-- No foreign key leads out of a vault or into one: the check of a key runs with the owner's rights.
select coalesce(f.tenant_id, t.tenant_id) as tenant_id, format('constraint %s', o.conname) as object,
  case when f.schema_oid is distinct from t.schema_oid then
    format('leads from %s to %s', o.conrelid::regclass, o.confrelid::regclass) end as problem
from pg_constraint as o
left join vault_tables as f on f.oid = o.conrelid
left join vault_tables as t on t.oid = o.confrelid
where o.contype = 'f' and (f.oid is not null or t.oid is not null)
