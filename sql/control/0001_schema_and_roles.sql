create schema control;

-- Which of the files of sql/control have been applied to this database.
create table control.control_migrations (
  version integer not null,
  name text not null,
  checksum text not null,
  apply_time timestamptz not null default now(),
  constraint control_migrations_pkey primary key (version)
);

-- The roles of the control plane. Roles belong to the whole server, so another database of the same
-- server may have made them already; that is the one place where "if it is missing" is right.
--
-- wellvault_owner        owns the control schema, every vault and every table; cannot log in.
-- wellvault_provisioner  creates vault roles and nothing else; cannot log in.
-- wellvault_app          the data plane's login: no rights of its own, may become any vault's role.
-- wellvault_control      the control plane's login: provisions and reads companies.
do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('wellvault_owner', 'nologin noinherit nosuperuser nocreatedb nocreaterole nobypassrls noreplication'),
      ('wellvault_provisioner', 'nologin noinherit nosuperuser nocreatedb createrole nobypassrls noreplication'),
      ('wellvault_app', 'login noinherit nosuperuser nocreatedb nocreaterole nobypassrls noreplication'),
      ('wellvault_control', 'login noinherit nosuperuser nocreatedb nocreaterole nobypassrls noreplication')
    ) as roles (name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I with %s', wanted.name,
        -- Only a superuser may spell out the attributes that only a superuser may give.
        case when (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then wanted.attributes
             else replace(replace(replace(wanted.attributes, 'nosuperuser ', ''), 'nobypassrls ', ''), ' noreplication', '')
        end);
    end if;
  end loop;

  -- The migrating role makes objects as the two owners, for which it must be able to become them.
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    begin
      execute format('grant wellvault_owner, wellvault_provisioner to %I with inherit false, set true', current_user);
    exception when insufficient_privilege then
      raise exception 'the roles of Wellvault were made by another role of this server'
        using errcode = 'insufficient_privilege',
          hint = format('Migrate as that role, or let a superuser run: grant wellvault_owner, '
            'wellvault_provisioner, wellvault_app, wellvault_control to %I with admin option, inherit false', current_user);
    end;
  end if;

  -- Nobody gets into this database, or finds a schema to create things in, by being PUBLIC.
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to wellvault_app, wellvault_control', current_database());
  execute format('grant create on database %I to wellvault_owner', current_database());

  -- A session that was not pinned to a vault finds no table by an unqualified name.
  execute format('alter role wellvault_app in database %I set search_path = ''''', current_database());
  execute format('alter role wellvault_control in database %I set search_path = ''''', current_database());
end
$$;

-- With no public schema there is no place that every role shares.
do $$
begin
  if exists (
    select from pg_catalog.pg_depend as d
      join pg_catalog.pg_namespace as n on n.oid = d.refobjid
      where d.refclassid = 'pg_catalog.pg_namespace'::regclass and n.nspname = 'public' and d.deptype = 'n'
  ) then
    raise exception 'the schema "public" of this database is in use'
      using hint = 'Give Wellvault a database of its own.';
  end if;
  drop schema if exists public;
end
$$;

grant usage on schema control to wellvault_control, wellvault_provisioner, wellvault_owner;
grant create on schema control to wellvault_owner, wellvault_provisioner;
