-- A vault's role is a member of nothing: each membership would add another role's rights to it.
select v.tenant_id, 'role ' || v.vault as object, 'is a member of ' || g.rolname as problem
from vaults as v
left join pg_auth_members as m on m.member = v.role_oid
left join pg_roles as g on g.oid = m.roleid
