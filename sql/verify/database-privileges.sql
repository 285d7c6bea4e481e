-- Who may connect to this database or make something in it: the service's logins and its owner, which is the
-- migrating role or a superuser. Not PUBLIC. Whoever was made a reader of the catalogue may connect, which is
-- told as a note.
select null::text as tenant_id, 'database ' || d.datname as object,
  case
    when a.grantee = 0 then 'PUBLIC has ' || a.privilege_type
    when a.grantee = d.datdba then null
    when r.rolname = expected.value ->> 'migrator' then null
    when a.privilege_type = 'CONNECT' and not a.is_grantable and (
      r.rolname in ('wellvault_control', 'wellvault_auditor') or r.rolname in (select l.login from control.data_logins as l)
    ) then null
    when a.privilege_type = 'CONNECT' and not a.is_grantable and r.rolname !~ '^(wellvault_|v_[0-9a-f]{16}$)'
      and pg_has_role(r.oid, 'wellvault_catalog_reader', 'usage') then null
    when a.privilege_type = 'CREATE' and r.rolname = 'wellvault_owner' and not a.is_grantable then null
    else coalesce(r.rolname, '?') || ' has ' || a.privilege_type
  end as problem
from pg_database as d
cross join expected
cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
left join pg_roles as r on r.oid = a.grantee
where d.datname = current_database()
union all
select null, format('owner of database %s', d.datname),
  case when o.rolname is distinct from expected.value ->> 'migrator' and not coalesce(o.rolsuper, false) then
    format('is %s and should be the migrating role', coalesce(o.rolname, '?')) end
from pg_database as d
cross join expected
left join pg_roles as o on o.oid = d.datdba
where d.datname = current_database()
