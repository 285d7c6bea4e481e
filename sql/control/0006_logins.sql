-- Roles for what is taken from PUBLIC, a login for auditors, and the data plane's logins as rows, so
-- that there can be several of them.
--
-- wellvault_catalog_reader  reads the catalogue and may run what sql/hardening.sql takes from PUBLIC; cannot log in.
-- wellvault_session         may set a transaction's settings and cancel its own statements; cannot log in.
-- wellvault_guard           owns the keys of the tenant tokens and what checks them (0007); cannot log in.
-- wellvault_auditor         an auditor's login: reads the catalogue and the companies, and no row of any vault.
do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('wellvault_catalog_reader', 'nologin noinherit nosuperuser nocreatedb nocreaterole nobypassrls noreplication'),
      ('wellvault_session', 'nologin noinherit nosuperuser nocreatedb nocreaterole nobypassrls noreplication'),
      ('wellvault_guard', 'nologin noinherit nosuperuser nocreatedb nocreaterole nobypassrls noreplication'),
      ('wellvault_auditor', 'login noinherit nosuperuser nocreatedb nocreaterole nobypassrls noreplication')
    ) as roles (name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I with %s', wanted.name,
        case when (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then wanted.attributes
             else replace(replace(replace(wanted.attributes, 'nosuperuser ', ''), 'nobypassrls ', ''), ' noreplication', '')
        end);
    end if;
  end loop;

  -- The migrating role makes objects as their owners and, once PUBLIC may no longer, reads the catalogue.
  if not (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    begin
      execute format('grant wellvault_guard to %I with inherit false, set true', current_user);
      execute format('grant wellvault_catalog_reader to %I with inherit true, set false', current_user);
    exception when insufficient_privilege then
      raise exception 'the roles of Wellvault were made by another role of this server'
        using errcode = 'insufficient_privilege',
          hint = format('Migrate as that role, or let a superuser run: grant wellvault_catalog_reader, '
            'wellvault_session, wellvault_guard, wellvault_auditor to %I with admin option, inherit false', current_user);
    end;
  end if;

  execute format('grant connect on database %I to wellvault_auditor', current_database());
  execute format('alter role wellvault_auditor in database %I set search_path = ''''', current_database());
  -- An auditor's session can change nothing even where a right were left by mistake.
  execute format('alter role wellvault_auditor in database %I set default_transaction_read_only = on', current_database());
end
$$;

-- What each of them needs of the catalogue when PUBLIC may not read it.
grant wellvault_catalog_reader to wellvault_owner, wellvault_provisioner, wellvault_guard, wellvault_auditor
  with admin false, inherit true, set false;
grant wellvault_session to wellvault_app with admin false, inherit true, set false;

grant usage on schema control to wellvault_auditor;
grant create on schema control to wellvault_owner, wellvault_provisioner;

set local role wellvault_owner;

create table control.data_logins (
  login name not null,
  constraint data_logins_pkey primary key (login),
  constraint data_logins_login_check check (login::text ~ '^wellvault_app(_[0-9]{2})?$')
);
comment on table control.data_logins is
  'The logins of the data plane. A login is slow to pin a transaction when it is a member of thousands of roles, so the vaults are spread over several.';
insert into control.data_logins (login) values ('wellvault_app');

-- Every vault so far belongs to the first login.
alter table control.companies
  add column login name not null default 'wellvault_app',
  add constraint companies_login_fkey foreign key (login) references control.data_logins (login);
create index companies_login_idx on control.companies (login);
comment on column control.companies.login is 'The login of the data plane that may become the vault''s role; no other may.';

-- The login with the fewest vaults. Companies made at the same moment may choose the same one.
create function control.choose_data_login() returns name
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select l.login
  from control.data_logins as l
  order by (select count(*) from control.companies as c where c.login = l.login), l.login
  limit 1
$$;
revoke all on function control.choose_data_login() from public;
grant execute on function control.choose_data_login() to wellvault_control;
alter table control.companies alter column login set default control.choose_data_login();
grant select on control.data_logins to wellvault_control, wellvault_auditor;
grant select, insert on control.data_logins to session_user;

-- An auditor checks every company, and what was applied to it.
grant select on control.companies, control.tenant_migrations to wellvault_auditor;

set local role wellvault_provisioner;

create function control.create_vault_role(vault name, login name) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  -- Whatever the session says: who creates a vault's role becomes no user of it.
  set createrole_self_grant = ''
as $$
begin
  if vault::text !~ '^v_[0-9a-f]{16}$' then
    raise exception 'not a vault name' using errcode = 'invalid_parameter_value';
  end if;
  if login::text !~ '^wellvault_app(_[0-9]{2})?$' then
    raise exception 'not a login of the data plane' using errcode = 'invalid_parameter_value';
  end if;
  -- Everything a role may have is off by default but INHERIT, which means nothing to a role that is
  -- a member of none.
  execute format('create role %I with nologin noinherit', vault);
  -- The login may become the vault's role and has none of its rights before it does.
  execute format('grant %I to %I with admin false, inherit false, set true', vault, login);
end
$$;
comment on function control.create_vault_role(name, name) is
  'Creates the role of a vault for one login of the data plane. Called by the provisioning trigger only.';
revoke all on function control.create_vault_role(name, name) from public;
grant execute on function control.create_vault_role(name, name) to wellvault_owner;

reset role;

-- Adds a login of the data plane, with the rights of the first one. Runs with the rights of the migrating
-- role, which made the others.
create function control.add_data_login(login name) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if login::text !~ '^wellvault_app(_[0-9]{2})?$' then
    raise exception 'not a login of the data plane' using errcode = 'invalid_parameter_value';
  end if;
  if not exists (select from pg_roles as r where r.rolname = login) then
    execute format('create role %I with login noinherit', login);
  end if;
  execute format('grant connect on database %I to %I', current_database(), login);
  execute format('alter role %I in database %I set search_path = %L', login, current_database(), '');
  execute format('grant wellvault_session to %I with admin false, inherit true, set false', login);
  insert into control.data_logins (login) values (add_data_login.login) on conflict do nothing;
end
$$;
comment on function control.add_data_login(name) is 'Adds a login of the data plane, over which new vaults are spread.';
revoke all on function control.add_data_login(name) from public;
grant execute on function control.add_data_login(name) to session_user;

-- A process that does not migrate sees whether it may serve; an auditor sees what was applied.
grant select on control.control_migrations to wellvault_control, wellvault_auditor;
