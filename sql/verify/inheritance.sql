-- No table of a vault is the parent or the child of another table: rows are read through the parent by the
-- parent's policies.
select coalesce(p.tenant_id, c.tenant_id) as tenant_id,
  format('%s and %s', i.inhparent::regclass, i.inhrelid::regclass) as object, 'inherit' as problem
from pg_inherits as i
left join vault_tables as p on p.oid = i.inhparent
left join vault_tables as c on c.oid = i.inhrelid
where p.oid is not null or c.oid is not null
