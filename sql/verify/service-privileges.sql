-- Everything of this database that a role of the service is mentioned on, besides the vaults: what the
-- migrations gave it, and no more. A login owns nothing.
with found as (
  select r.rolname, s.deptype, s.classid, s.objid, s.objsubid,
    case when s.classid = 'pg_database'::regclass then '$database'
      else (pg_identify_object(s.classid, s.objid, s.objsubid)).identity end as identity
  from pg_shdepend as s
  join pg_roles as r on r.oid = s.refobjid and r.rolname ~ '^wellvault_'
  join pg_database as d on d.datname = current_database()
  left join vault_tables as t on s.classid = 'pg_class'::regclass and s.dbid = d.oid and t.oid = s.objid
  left join vaults as v on s.classid = 'pg_namespace'::regclass and s.dbid = d.oid and v.schema_oid = s.objid
  where s.refclassid = 'pg_authid'::regclass and s.classid <> 'pg_auth_members'::regclass
    and (s.dbid = d.oid or s.dbid = 0 and (s.classid <> 'pg_database'::regclass or s.objid = d.oid))
    -- Who owns what in a vault, and who else has rights there, have checks of their own.
    and t.oid is null and v.vault is null
    -- The reader of the catalogue has what was taken from PUBLIC.
    and not (r.rolname = 'wellvault_catalog_reader' and s.deptype = 'a' and s.objid < 16384)
)
select null::text as tenant_id, f.identity as object,
  case when not expected.value -> 'service' ? l.line then
    case f.deptype when 'o' then f.rolname || ' owns it' else f.rolname || ' has privileges on it' end end as problem
from found as f
cross join expected
cross join lateral (
  select concat_ws(' ', case when f.rolname ~ '^wellvault_app' then 'wellvault_app' else f.rolname end, f.deptype, f.identity) as line
) as l
