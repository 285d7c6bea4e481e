-- Roles outside the service that see or change everything, whatever stands in the database. Only the roles of
-- this database's vaults and of the service are left to their own checks, where nothing of this is let pass.
select null::text as tenant_id, 'role ' || r.rolname as object,
  nullif(concat_ws(', ',
    case when r.rolsuper then 'is a superuser' end,
    case when r.rolbypassrls and not r.rolsuper then 'bypasses row level security' end,
    case when r.rolreplication and not r.rolsuper then 'may replicate' end,
    (select 'is a member of ' || string_agg(g.rolname, ', ' order by g.rolname)
     from pg_auth_members as m join pg_roles as g on g.oid = m.roleid
     where m.member = r.oid and g.rolname in ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files',
       'pg_write_server_files', 'pg_execute_server_program', 'pg_maintain', 'pg_checkpoint', 'pg_signal_backend',
       'pg_create_subscription')),
    (select 'made the migrating role and may grant it to itself'
     from pg_auth_members as m join pg_roles as g on g.oid = m.roleid
     where m.member = r.oid and g.rolname = expected.value ->> 'migrator' and m.grantor = 10
       and m.admin_option and not m.inherit_option and not m.set_option)
  ), '') as problem
from pg_roles as r
cross join expected
left join vaults as v on v.role_oid = r.oid
where v.vault is null and r.rolname !~ '^(wellvault_|pg_)'
  and r.rolname is distinct from expected.value ->> 'migrator'
