-- The isolation query: every object of the server that any vault's role is mentioned on. A vault's role has
-- privileges on its own schema and on the tables in it, owns nothing, and is named nowhere else.
select x.tenant_id,
  case
    when x.problem is null then ''
    when x.elsewhere then 'an object of another database'
    else pg_describe_object(x.classid, x.objid, x.objsubid)
  end as object,
  x.problem
from (
  select v.tenant_id, s.classid, s.objid, s.objsubid, s.dbid not in (0, d.oid) as elsewhere,
    case
      when s.dbid not in (0, d.oid) then 'role ' || v.vault || ' is mentioned in another database'
      when s.deptype = 'o' then 'role ' || v.vault || ' owns it'
      when s.deptype = 'r' then 'role ' || v.vault || ' is named in a policy'
      when s.deptype <> 'a' then 'role ' || v.vault || ' is mentioned on it'
      when s.classid = 'pg_namespace'::regclass and s.objid = v.schema_oid then null
      when s.classid = 'pg_class'::regclass and s.objsubid = 0 and c.relnamespace = v.schema_oid then null
      else 'role ' || v.vault || ' has privileges on it'
    end as problem
  from pg_shdepend as s
  join vaults as v on v.role_oid = s.refobjid
  join pg_database as d on d.datname = current_database()
  left join pg_class as c on s.classid = 'pg_class'::regclass and s.dbid = d.oid and c.oid = s.objid
  where s.refclassid = 'pg_authid'::regclass
    -- Memberships are told by checks of their own.
    and s.classid <> 'pg_auth_members'::regclass
) as x
