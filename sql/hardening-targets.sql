-- What PUBLIC may use of PostgreSQL's own objects and must not: one row for each object and privilege, with
-- the statements that take it from PUBLIC and give it to the service's own reader of the catalogue. It is empty
-- where sql/hardening.sql was applied. The migration runs the statements; `wellvault verify` counts the rows.

-- Functions. Of the volatile ones PUBLIC keeps the few that make random values or tell the time. Of the
-- stable ones it loses those that run text as SQL or tell about settings, roles, objects, sessions and
-- transactions. Immutable functions see nothing but their arguments. What cannot be called by name
-- (triggers, input and output of types) is left alone.
select f.kind || ' ' || f.signature as object, 'EXECUTE' as privilege,
  format('grant execute on %s %s to wellvault_catalog_reader; revoke execute on %1$s %2$s from public', f.kind, f.signature) as statements
from (
  select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as signature,
    case p.prokind when 'p' then 'procedure' else 'function' end as kind
  from pg_catalog.pg_proc as p
  join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
  where p.pronamespace = 'pg_catalog'::regnamespace
    and p.provolatile <> 'i'
    and exists (
      select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
      where a.grantee = 0 and a.privilege_type = 'EXECUTE'
    )
    and p.prorettype <> all ('{trigger,event_trigger,internal,cstring}'::regtype[])
    and p.prorettype::regtype::text !~ '_handler$'
    and not p.proargtypes::oid[] && '{internal,cstring}'::regtype[]::oid[]
    and case
      when p.proname in (
        'random', 'random_normal', 'gen_random_uuid', 'uuidv4', 'uuidv7', 'clock_timestamp', 'timeofday',
        'pg_typeof', 'pg_client_encoding', 'pg_input_is_valid', 'pg_input_error_info', 'pg_collation_for'
      ) then false
      when p.provolatile = 'v' then true
      else p.proname ~ '^(pg_|has_|to_reg|txid_|row_security_|inet_(client|server)_|binary_upgrade_)'
        or p.proname ~ '_to_xml(schema|_and_xmlschema)?$'
        or p.proname ~ '_description$'
        or p.proname in ('current_setting', 'current_schemas', 'age', 'mxid_age', 'ts_parse', 'ts_token_type')
    end
) as f
union all
-- The catalogue and the information schema, table by table
select format('relation %I.%I', n.nspname, c.relname), a.privilege_type,
  case when a.privilege_type = 'SELECT' then
    format('grant select on %I.%I to wellvault_catalog_reader; ', n.nspname, c.relname) else '' end
    || format('revoke %s on %I.%I from public', a.privilege_type, n.nspname, c.relname)
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join aclexplode(c.relacl) as a
where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v', 'm', 'p') and a.grantee = 0
union all
-- and column by column.
select format('column %I.%I.%I', n.nspname, c.relname, t.attname), a.privilege_type,
  case when a.privilege_type = 'SELECT' then
    format('grant select (%I) on %I.%I to wellvault_catalog_reader; ', t.attname, n.nspname, c.relname) else '' end
    || format('revoke %s (%I) on %I.%I from public', a.privilege_type, t.attname, n.nspname, c.relname)
from pg_catalog.pg_attribute as t
join pg_catalog.pg_class as c on c.oid = t.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join aclexplode(t.attacl) as a
where n.nspname in ('pg_catalog', 'information_schema') and a.grantee = 0
union all
-- Writing functions and anonymous blocks.
select format('language %I', l.lanname), 'USAGE',
  format('grant usage on language %I to wellvault_catalog_reader; revoke usage on language %1$I from public', l.lanname)
from pg_catalog.pg_language as l
where l.lanpltrusted and exists (
  select from aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) as a where a.grantee = 0
)
