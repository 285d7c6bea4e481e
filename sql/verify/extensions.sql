-- Nothing is installed that reaches out of the database: extensions, languages, foreign servers.
select null::text as tenant_id, 'extension ' || e.extname as object,
  case when e.extname <> 'plpgsql' then 'is installed' end as problem
from pg_extension as e
union all
select null, 'language ' || l.lanname,
  case when l.lanname not in ('internal', 'c', 'sql', 'plpgsql') then 'is installed' end
from pg_language as l
union all
select null, 'foreign data wrapper ' || f.fdwname, 'is installed' from pg_foreign_data_wrapper as f
union all
select null, 'foreign server ' || s.srvname, 'is installed' from pg_foreign_server as s
