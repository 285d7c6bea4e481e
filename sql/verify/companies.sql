-- Every company has its schema and its role, and every role that is named like a vault's belongs to a company
-- of this database or, when it can do nothing on the server, is used in another one.
select v.tenant_id, 'vault ' || v.vault as object,
  nullif(concat_ws(', ',
    case when v.schema_oid is null then 'has no schema' end,
    case when v.role_oid is null then 'has no role' end,
    case when l.login is null then 'belongs to an unknown login' end
  ), '') as problem
from vaults as v
left join control.data_logins as l on l.login = v.login
union all
select null, 'role ' || r.rolname, 'is a vault''s role without a company'
from pg_roles as r
left join vaults as v on v.role_oid = r.oid
where r.rolname ~ '^v_[0-9a-f]{16}$' and v.vault is null
  and (r.rolcanlogin or r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls
    or r.rolinherit or exists (select from pg_auth_members as m where m.member = r.oid)
    or not exists (
      select from pg_shdepend as s
      where s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid and s.dbid <> 0
        and s.dbid <> (select d.oid from pg_database as d where d.datname = current_database())
    ))
