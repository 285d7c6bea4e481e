-- Nobody was allowed to set a setting that only a superuser may set.
select null::text as tenant_id, 'setting ' || p.parname as object,
  case when a.grantee = 0 then 'PUBLIC' else coalesce(r.rolname, '?') end || ' has ' || a.privilege_type as problem
from pg_parameter_acl as p
cross join aclexplode(p.paracl) as a
left join pg_roles as r on r.oid = a.grantee
where a.grantee = 0 or r.rolname ~ '^(wellvault_|v_[0-9a-f]{16}$)'
