-- Takes from PUBLIC, in this database, what lets a statement look or reach out of its vault: the
-- functions that run text as SQL, that change settings, that lock, wait, signal and write outside tables,
-- and the whole catalogue. PostgreSQL's parser and planner need none of these rights, and neither does
-- the service: what it uses of them is granted to its own roles.
--
-- Needs a superuser, for PostgreSQL's own objects belong to one. It is run at every migration by a role
-- that may, changes nothing where nothing is left to take, and can be run by hand:
--
--   psql "$DATABASE_URL" --file sql/hardening.sql
--
-- Without it the token wall still keeps every row of other vaults out of reach; what is missing then is
-- told by `wellvault verify`.
do $$
declare
  object record;
begin
  if not (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) then
    raise exception 'only a superuser can take PostgreSQL''s own objects from PUBLIC'
      using errcode = 'insufficient_privilege';
  end if;

  -- Functions. Of the volatile ones PUBLIC keeps the few that make random values or tell the time. Of the
  -- stable ones it loses those that run text as SQL or tell about settings, roles, objects, sessions and
  -- transactions. Immutable functions see nothing but their arguments. What cannot be called by name
  -- (triggers, input and output of types) is left alone.
  for object in
    select p.oid::regprocedure as signature, case p.prokind when 'p' then 'procedure' else 'function' end as kind
    from pg_catalog.pg_proc as p
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
  loop
    execute format('grant execute on %s %s to wellvault_catalog_reader', object.kind, object.signature);
    execute format('revoke execute on %s %s from public', object.kind, object.signature);
  end loop;
  -- What the service's connections need: to pin, to cancel their own statements, and to let go of what a
  -- user of theirs may have left.
  grant execute on function pg_catalog.set_config(text, text, boolean) to wellvault_session;
  grant execute on function pg_catalog.pg_cancel_backend(integer), pg_catalog.pg_advisory_unlock_all()
    to wellvault_session, wellvault_control;

  -- The catalogue and the information schema, table by table and column by column.
  for object in
    select distinct c.oid, c.oid::regclass as name, a.privilege_type as privilege
    from pg_catalog.pg_class as c
    cross join aclexplode(c.relacl) as a
    where c.relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      and c.relkind in ('r', 'v', 'm', 'p') and a.grantee = 0
  loop
    if object.privilege = 'SELECT' then
      execute format('grant select on %s to wellvault_catalog_reader', object.name);
    end if;
    execute format('revoke %s on %s from public', object.privilege, object.name);
  end loop;
  for object in
    select distinct c.oid::regclass as name, t.attname, a.privilege_type as privilege
    from pg_catalog.pg_attribute as t
    join pg_catalog.pg_class as c on c.oid = t.attrelid
    cross join aclexplode(t.attacl) as a
    where c.relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) and a.grantee = 0
  loop
    if object.privilege = 'SELECT' then
      execute format('grant select (%I) on %s to wellvault_catalog_reader', object.attname, object.name);
    end if;
    execute format('revoke %s (%I) on %s from public', object.privilege, object.attname, object.name);
  end loop;

  -- Writing functions and anonymous blocks.
  for object in
    select l.lanname
    from pg_catalog.pg_language as l
    where l.lanpltrusted and exists (
      select from aclexplode(coalesce(l.lanacl, acldefault('l', l.lanowner))) as a where a.grantee = 0
    )
  loop
    execute format('revoke usage on language %I from public', object.lanname);
    execute format('grant usage on language %I to wellvault_catalog_reader', object.lanname);
  end loop;
end
$$;
