-- Provisioning: the power is split over two owners. One may create roles but no schema, the other
-- schemas but no role, and neither can log in.

set local role wellvault_provisioner;

create function control.create_vault_role(vault name) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if vault::text !~ '^v_[0-9a-f]{16}$' then
    raise exception 'not a vault name' using errcode = 'invalid_parameter_value';
  end if;
  -- Everything a role may have is off by default but INHERIT, which means nothing to a role that is
  -- a member of none.
  execute format('create role %I with nologin noinherit', vault);
  -- The data plane may become the vault's role and has none of its rights before it does.
  execute format('grant %I to wellvault_app with admin false, inherit false, set true', vault);
end
$$;

comment on function control.create_vault_role(name) is
  'Creates the role of a vault. Called by the provisioning trigger only.';

revoke all on function control.create_vault_role(name) from public;
grant execute on function control.create_vault_role(name) to wellvault_owner;

set local role wellvault_owner;

-- Applies to a vault the migrations after its version, up to a target, and stamps the version.
create function control.migrate_vault(vault name, target integer) returns integer
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  current integer;
  migration record;
begin
  select c.schema_version into strict current
    from control.companies as c
    where c.vault = migrate_vault.vault
    for no key update;

  for migration in
    select m.version, m.name, m.body from control.tenant_migrations as m
      where m.version > current and m.version <= target
      order by m.version
  loop
    -- The bodies use unqualified names, so they land where this path points: in the vault.
    perform set_config('search_path', format('%I, pg_temp', vault), true);
    begin
      execute replace(migration.body, '"$vault"', quote_ident(vault));
    exception
      -- These say to a caller that the request was wrong, and here it is the migration that is.
      when data_exception or integrity_constraint_violation then
        raise exception 'tenant migration % failed: %', migration.name, sqlerrm
          using detail = format('SQLSTATE %s', sqlstate);
    end;
    perform set_config('search_path', 'pg_catalog, pg_temp', true);
    current := migration.version;
  end loop;

  update control.companies as c
    set schema_version = current, update_time = now()
    where c.vault = migrate_vault.vault and c.schema_version <> current;
  return current;
end
$$;

comment on function control.migrate_vault(name, integer) is
  'Applies to a vault the tenant migrations after its version, up to the target, and returns its new version.';

create function control.provision_company() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  latest integer;
begin
  -- A migration is loaded before this company's version is chosen or after its vault is committed, when
  -- the fleet's migration sees it; never in between, where it would be missed.
  lock table control.tenant_migrations in share mode;
  select max(m.version) into latest from control.tenant_migrations as m;
  if latest is null then
    raise exception 'no tenant migrations are loaded' using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform control.create_vault_role(new.vault);
  -- Never "if not exists": two companies must never meet in one schema.
  execute format('create schema %I', new.vault);
  execute format('grant usage on schema %I to %I', new.vault, new.vault);
  perform control.migrate_vault(new.vault, latest);
  return null;
end
$$;

comment on function control.provision_company() is
  'Makes the vault of a new company in the transaction that inserts its row: it exists whole or not at all.';

revoke all on function control.migrate_vault(name, integer) from public;
revoke all on function control.provision_company() from public;

create trigger provision_company
  after insert on control.companies
  for each row execute function control.provision_company();

reset role;

-- The two owners never need to make anything in the control schema again.
revoke create on schema control from wellvault_owner, wellvault_provisioner;
