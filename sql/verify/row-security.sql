-- Row level security is switched on for every table of every vault.
select t.tenant_id, format('table %s.%s', t.vault, t.relname) as object,
  case when not t.relrowsecurity then 'row level security is off' end as problem
from vault_tables as t
