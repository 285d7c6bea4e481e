-- Nothing is granted on objects that are yet to be made.
select null::text as tenant_id, format('default privileges of %s', coalesce(r.rolname, '?')) as object,
  'are there: ' || array_to_string(d.defaclacl, ', ') as problem
from pg_default_acl as d
left join pg_roles as r on r.oid = d.defaclrole
