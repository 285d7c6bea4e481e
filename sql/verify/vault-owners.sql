-- Everything in a vault belongs to wellvault_owner, which cannot log in.
select x.tenant_id, x.object,
  case when r.rolname is distinct from 'wellvault_owner' then 'belongs to ' || coalesce(r.rolname, 'nobody') end as problem
from (
  select v.tenant_id, 'schema ' || v.vault as object, v.schema_owner as owner from vaults as v where v.schema_oid is not null
  union all
  select t.tenant_id, format('relation %s.%s', t.vault, t.relname), t.relowner from vault_tables as t
  union all
  select v.tenant_id, format('function %s.%s', v.vault, p.proname), p.proowner
  from vaults as v join pg_proc as p on p.pronamespace = v.schema_oid
  union all
  select v.tenant_id, format('type %s.%s', v.vault, y.typname), y.typowner
  from vaults as v join pg_type as y on y.typnamespace = v.schema_oid
) as x
left join pg_roles as r on r.oid = x.owner
