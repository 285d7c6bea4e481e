-- Made by their owner, so that a migrating role that is no superuser ends up with as little as one that is.
set local role wellvault_owner;

-- A vault name: no meaning, not to be guessed from another one, never made from user text.
create function control.new_vault_name() returns name
  language sql volatile parallel safe
  set search_path = pg_catalog, pg_temp
as $$
  select ('v_' || left(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 16))::name
$$;

-- One row a company. Inserting the row provisions it (0004_provisioning.sql).
create table control.companies (
  company_id uuid not null default gen_random_uuid(),
  tenant_id text collate "C" not null,
  display_name text not null,
  external_id text,
  request_id uuid,
  vault name not null default control.new_vault_name(),
  state text not null default 'ACTIVE',
  schema_version integer not null default 0,
  create_time timestamptz not null default now(),
  update_time timestamptz not null default now(),
  constraint companies_pkey primary key (company_id),
  constraint companies_tenant_id_key unique (tenant_id),
  constraint companies_external_id_key unique (external_id),
  constraint companies_request_id_key unique (request_id),
  constraint companies_vault_key unique (vault),
  constraint companies_tenant_id_check check (tenant_id ~ '^[a-z][a-z0-9-]*[a-z0-9]$' and length(tenant_id) between 3 and 63),
  constraint companies_display_name_check check (length(display_name) between 1 and 200),
  constraint companies_external_id_check check (length(external_id) between 1 and 128),
  constraint companies_vault_check check (vault::text ~ '^v_[0-9a-f]{16}$'),
  constraint companies_state_check check (state in ('ACTIVE', 'SUSPENDED'))
);

comment on table control.companies is
  'The corporate clients. Inserting a row creates the company''s vault: schema, tables, role and grants, named by the column vault.';
comment on column control.companies.tenant_id is 'The id that callers use. Immutable, never given to another company.';
comment on column control.companies.vault is 'The name of the company''s schema and of its role. Random; the two are always the same.';
comment on column control.companies.schema_version is 'The number of the last tenant migration applied to the vault.';

revoke all on function control.new_vault_name() from public;

-- The control plane says what a company is; where it lives and what stands in it, the trigger decides.
grant select on control.companies to wellvault_control;
grant insert (tenant_id, display_name, external_id, request_id) on control.companies to wellvault_control;
grant execute on function control.new_vault_name() to wellvault_control;

reset role;
