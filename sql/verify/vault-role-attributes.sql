-- What the role of every vault may do on the server: nothing.
select v.tenant_id, 'role ' || v.vault as object,
  nullif(concat_ws(', ',
    case when r.rolcanlogin then 'may log in' end,
    case when r.rolsuper then 'is a superuser' end,
    case when r.rolcreaterole then 'may create roles' end,
    case when r.rolcreatedb then 'may create databases' end,
    case when r.rolreplication then 'may replicate' end,
    case when r.rolbypassrls then 'bypasses row level security' end,
    case when r.rolinherit then 'inherits' end,
    case when r.rolconnlimit <> -1 then 'has a connection limit' end,
    case when r.rolvaliduntil is not null then 'has an end of its password' end
  ), '') as problem
from vaults as v
join pg_roles as r on r.oid = v.role_oid
