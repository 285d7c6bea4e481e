-- Who may connect to this database or make something in it: the service's logins and its owner. Not PUBLIC.
select null::text as tenant_id, 'database ' || d.datname as object,
  case
    when a.grantee = 0 then 'PUBLIC has ' || a.privilege_type
    when a.grantee = d.datdba then null
    when r.rolname = expected.value ->> 'migrator' then null
    when a.privilege_type = 'CONNECT' and not a.is_grantable and (
      r.rolname in ('wellvault_control', 'wellvault_auditor') or r.rolname in (select l.login from control.data_logins as l)
    ) then null
    when a.privilege_type = 'CREATE' and r.rolname = 'wellvault_owner' and not a.is_grantable then null
    else coalesce(r.rolname, '?') || ' has ' || a.privilege_type
  end as problem
from pg_database as d
cross join expected
cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
left join pg_roles as r on r.oid = a.grantee
where d.datname = current_database()
