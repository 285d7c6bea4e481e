-- The service keeps nothing in large objects, which stand in no schema and under no policy.
select null::text as tenant_id, 'large object ' || o.oid as object,
  format('is there, of %s%s', coalesce(r.rolname, '?'),
    coalesce(', with rights ' || array_to_string(o.lomacl, ', '), '')) as problem
from pg_largeobject_metadata as o
left join pg_roles as r on r.oid = o.lomowner
