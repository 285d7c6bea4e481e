-- Only the schemas of the service are there: control, guard and a vault for each company.
select v.tenant_id, 'schema ' || n.nspname as object,
  case when v.vault is null and n.nspname not in ('control', 'guard') then
    case when n.nspname ~ '^v_[0-9a-f]{16}$' then 'is a vault without a company' else 'is none of the service''s' end
  end as problem
from pg_namespace as n
left join vaults as v on v.schema_oid = n.oid
where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname !~ '^pg_(toast_)?temp_[0-9]+$'
