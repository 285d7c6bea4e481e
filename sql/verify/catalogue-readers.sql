-- People and monitors that may read the catalogue: the names of all vaults and roles, sizes and statistics.
select null::text as tenant_id, 'role ' || g.rolname as object,
  case when g.rolname !~ '^(wellvault_|v_[0-9a-f]{16}$)' and g.rolname is distinct from expected.value ->> 'migrator' then
    'was made a reader of the catalogue' end as problem
from pg_auth_members as m
join pg_roles as r on r.oid = m.roleid and r.rolname = 'wellvault_catalog_reader'
join pg_roles as g on g.oid = m.member
cross join expected
