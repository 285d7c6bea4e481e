set local role wellvault_owner;

-- What every vault consists of, as loaded from sql/tenant. The trigger replays these rows into a new
-- vault and the fleet is migrated by the same function from the same rows.
create table control.tenant_migrations (
  version integer not null,
  name text not null,
  body text not null,
  checksum text not null,
  load_time timestamptz not null default now(),
  constraint tenant_migrations_pkey primary key (version),
  constraint tenant_migrations_version_check check (version > 0),
  constraint tenant_migrations_name_key unique (name)
);

comment on table control.tenant_migrations is
  'The numbered migrations of a vault. In a body, "$vault" stands for the name of the vault''s role.';

reset role;
