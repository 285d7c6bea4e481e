-- Who may become a vault's role: the company's login of the data plane, by set alone; the provisioner has
-- what PostgreSQL gives to whoever creates a role, the right to grant it.
select v.tenant_id, format('membership of %s in %s', g.rolname, v.vault) as object,
  case
    when g.rolname = v.login and m.set_option and not m.admin_option and not m.inherit_option
      and o.rolname = 'wellvault_provisioner' then null
    when g.rolname = 'wellvault_provisioner' and m.admin_option and not m.set_option and not m.inherit_option
      and m.grantor = 10 then null
    else format('%s may become it or has its rights (admin %s, inherit %s, set %s, granted by %s)', g.rolname,
      m.admin_option, m.inherit_option, m.set_option, coalesce(o.rolname, '?'))
  end as problem
from vaults as v
join pg_auth_members as m on m.roleid = v.role_oid
join pg_roles as g on g.oid = m.member
left join pg_roles as o on o.oid = m.grantor
union all
select v.tenant_id, format('membership of %s in %s', v.login, v.vault),
  case when not exists (
    select from pg_auth_members as m join pg_roles as g on g.oid = m.member
    where m.roleid = v.role_oid and g.rolname = v.login and m.set_option
  ) then 'the company''s login cannot become its role' end
from vaults as v
where v.role_oid is not null
