-- Other databases of the server that the service's logins can connect to.
select null::text as tenant_id, 'database ' || d.datname as object,
  case when d.datname <> current_database() and count(*) filter (where has_database_privilege(r.oid, d.oid, 'connect')) > 0
    then 'can be connected to by ' ||
      string_agg(r.rolname, ', ' order by r.rolname) filter (where has_database_privilege(r.oid, d.oid, 'connect')) end as problem
from pg_database as d
cross join pg_roles as r
where r.rolname ~ '^wellvault_' and r.rolcanlogin and d.datallowconn
group by d.datname
