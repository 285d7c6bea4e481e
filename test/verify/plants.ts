import { cataloguePlants } from "./catalogue-plants.ts";

/**
 * A violation of the isolation, to be planted by a superuser and taken back. `{a}` and `{b}` are vaults,
 * `{company a}` the id and `{policy a}` the policy of a company, `{db}` the database.
 */
export interface Plant {
  readonly name: string;
  readonly plant: string;
  readonly undo: string;
  /** The checks that must find it. */
  readonly found: readonly string[];
}

/** The policy of a company, as the control plane has it. */
const policy = (company: "a" | "b") => `using ({policy ${company}}) with check ({policy ${company}})`;

/** What somebody with too many rights may do to roles and rights. */
const rolesAndRights: readonly Plant[] = [
  {
    name: "a stray grant on another vault's table",
    plant: "grant select on {b}.employees to {a}",
    undo: "revoke select on {b}.employees from {a}",
    found: ["isolation", "vault-grants-foreign"],
  },
  {
    name: "a grant on another vault's schema",
    plant: "grant usage on schema {b} to {a}",
    undo: "revoke usage on schema {b} from {a}",
    found: ["isolation", "vault-grants-foreign"],
  },
  {
    name: "a grant to PUBLIC in a vault",
    plant: "grant select on {a}.samples to public",
    undo: "revoke select on {a}.samples from public",
    found: ["vault-grants-foreign"],
  },
  {
    name: "a grant on one column",
    plant: "grant select (note) on {b}.log_entries to {a}",
    undo: "revoke select (note) on {b}.log_entries from {a}",
    found: ["isolation", "vault-grants-foreign"],
  },
  {
    name: "a grant to a login",
    plant: "grant select on {a}.employees to wellvault_app",
    undo: "revoke select on {a}.employees from wellvault_app",
    found: ["vault-grants-foreign"],
  },
  {
    name: "a right more inside the own vault",
    plant: "grant delete on {a}.log_entries to {a}",
    undo: "revoke delete on {a}.log_entries from {a}",
    found: ["vault-grants"],
  },
  {
    name: "a right less inside the own vault",
    plant: "revoke update on {a}.log_entries from {a}",
    undo: "grant update on {a}.log_entries to {a}",
    found: ["vault-grants"],
  },
  {
    name: "a right that may be passed on",
    plant: "grant select on {a}.log_entries to {a} with grant option",
    undo: "revoke grant option for select on {a}.log_entries from {a}",
    found: ["vault-grants", "vault-grants-foreign"],
  },
  {
    name: "a right of a vault's role in the control schema",
    plant: "grant select on control.companies to {a}",
    undo: "revoke select on control.companies from {a}",
    found: ["control-objects", "isolation"],
  },
  {
    name: "a right of a vault's role on a function of PostgreSQL",
    plant: "grant execute on function pg_catalog.set_config(text, text, boolean) to {a}",
    undo: "revoke execute on function pg_catalog.set_config(text, text, boolean) from {a}",
    found: ["isolation"],
  },
  {
    name: "a membership of a vault in another vault",
    plant: "grant {b} to {a}",
    undo: "revoke {b} from {a}",
    found: ["vault-members", "vault-memberships"],
  },
  {
    name: "a membership in a vault that is inherited",
    plant: "grant {a} to wellvault_app with inherit true granted by wellvault_provisioner",
    undo: "grant {a} to wellvault_app with inherit false granted by wellvault_provisioner",
    found: ["vault-members"],
  },
  {
    name: "a membership of the control plane's login in a vault",
    plant: "grant {a} to wellvault_control",
    undo: "revoke {a} from wellvault_control",
    found: ["vault-members"],
  },
  {
    name: "a login that becomes the owner",
    plant: "grant wellvault_owner to wellvault_app",
    undo: "revoke wellvault_owner from wellvault_app",
    found: ["service-memberships"],
  },
  {
    name: "a login that reads everything",
    plant: "grant pg_read_all_data to wellvault_app",
    undo: "revoke pg_read_all_data from wellvault_app",
    found: ["service-memberships"],
  },
  {
    name: "a vault's role that may log in",
    plant: "alter role {a} login",
    undo: "alter role {a} nologin",
    found: ["vault-role-attributes"],
  },
  {
    name: "a vault's role that bypasses row level security",
    plant: "alter role {a} bypassrls",
    undo: "alter role {a} nobypassrls",
    found: ["vault-role-attributes"],
  },
  {
    name: "a login that is a superuser",
    plant: "alter role wellvault_app superuser",
    undo: "alter role wellvault_app nosuperuser",
    found: ["service-roles"],
  },
  {
    name: "an owner that may log in",
    plant: "alter role wellvault_owner login",
    undo: "alter role wellvault_owner nologin",
    found: ["service-roles"],
  },
  {
    name: "a role that looks like the service's",
    plant: "create role wellvault_backdoor login",
    undo: "drop role wellvault_backdoor",
    found: ["service-roles"],
  },
  {
    name: "a login that starts as a vault",
    plant: "alter role wellvault_app set role = {a}",
    undo: "alter role wellvault_app reset role",
    found: ["role-settings"],
  },
  {
    name: "a login with another search_path",
    plant: "alter role wellvault_app in database {db} set search_path = {a}",
    undo: "alter role wellvault_app in database {db} set search_path = ''",
    found: ["role-settings"],
  },
  {
    name: "a setting of a vault's role",
    plant: "alter role {a} set statement_timeout = 0",
    undo: "alter role {a} reset statement_timeout",
    found: ["role-settings"],
  },
  {
    name: "a setting for everybody",
    plant: "alter database {db} set row_security = off",
    undo: "alter database {db} reset row_security",
    found: ["role-settings", "server-settings"],
  },
  {
    name: "a schema of a vault that belongs to its role",
    plant: "alter schema {a} owner to {a}",
    undo: "alter schema {a} owner to wellvault_owner; grant usage on schema {a} to {a}",
    found: ["isolation", "vault-grants", "vault-owners"],
  },
  {
    name: "a table of a vault that belongs to another role",
    plant: "alter table {a}.samples owner to wellvault_control",
    undo: "alter table {a}.samples owner to wellvault_owner",
    found: ["vault-owners"],
  },
  {
    name: "a table of the control plane with another owner",
    plant: "alter table control.companies owner to wellvault_control",
    undo: `alter table control.companies owner to wellvault_owner;
      grant select on control.companies to wellvault_control;
      revoke insert, update, delete, truncate, references, trigger on control.companies from wellvault_control;
      grant insert (tenant_id, display_name, external_id, request_id) on control.companies to wellvault_control;
      grant update (sample_retention_months, log_retention_months, update_time)
        on control.companies to wellvault_control`,
    found: ["control-objects", "service-privileges"],
  },
  {
    name: "default privileges",
    plant: "alter default privileges for role wellvault_owner grant select on tables to public",
    undo: "alter default privileges for role wellvault_owner revoke select on tables from public",
    found: ["default-privileges", "service-privileges"],
  },
  {
    name: "a database that everybody may connect to",
    plant: "grant connect on database {db} to public",
    undo: "revoke connect on database {db} from public",
    found: ["database-privileges"],
  },
  {
    name: "a login that may make temporary tables",
    plant: "grant temporary on database {db} to wellvault_app",
    undo: "revoke temporary on database {db} from wellvault_app",
    found: ["database-privileges"],
  },
  {
    name: "a login that may run a guard's function",
    plant: "grant execute on function guard.retire_keys(text) to wellvault_app",
    undo: "revoke execute on function guard.retire_keys(text) from wellvault_app",
    found: ["control-functions", "service-privileges"],
  },
  {
    name: "a setting that a login may set",
    plant: "grant set on parameter session_replication_role to wellvault_app",
    undo: "revoke set on parameter session_replication_role from wellvault_app",
    found: ["parameter-privileges", "service-privileges"],
  },
];

/** What may happen to the walls and around them. */
const walls: readonly Plant[] = [
  {
    name: "row level security switched off",
    plant: "alter table {a}.samples disable row level security",
    undo: "alter table {a}.samples enable row level security",
    found: ["row-security"],
  },
  {
    name: "a policy dropped",
    plant: "drop policy tenant_token on {a}.samples",
    undo: `create policy tenant_token on {a}.samples ${policy("a")}`,
    found: ["policies"],
  },
  {
    name: "a policy more",
    plant: "create policy open on {a}.samples using (true)",
    undo: "drop policy open on {a}.samples",
    found: ["policies"],
  },
  {
    name: "a policy that asks for another company",
    plant: `alter policy tenant_token on {a}.samples ${policy("b")}`,
    undo: `alter policy tenant_token on {a}.samples ${policy("a")}`,
    found: ["policies"],
  },
  {
    name: "a policy that shows everything",
    plant: "alter policy tenant_token on {a}.samples using (true)",
    undo: `alter policy tenant_token on {a}.samples ${policy("a")}`,
    found: ["policies"],
  },
  {
    name: "a policy for one role only",
    plant: "alter policy tenant_token on {a}.samples to {a}",
    undo: "alter policy tenant_token on {a}.samples to public",
    found: ["isolation", "policies"],
  },
  {
    name: "a company stamp dropped",
    plant: "alter table {a}.samples drop constraint samples_company_id_check",
    undo: "alter table {a}.samples add constraint samples_company_id_check check (company_id = '{company a}')",
    found: ["company-stamp", "vault-structure"],
  },
  {
    name: "a company stamp of another company",
    plant: `alter table {a}.samples drop constraint samples_company_id_check;
      alter table {a}.samples add constraint samples_company_id_check check (company_id = '{company b}')`,
    undo: `alter table {a}.samples drop constraint samples_company_id_check;
      alter table {a}.samples add constraint samples_company_id_check check (company_id = '{company a}')`,
    found: ["company-stamp", "vault-structure"],
  },
  {
    name: "a company stamp that is not validated",
    plant: `alter table {a}.samples drop constraint samples_company_id_check;
      alter table {a}.samples add constraint samples_company_id_check check (company_id = '{company a}') not valid`,
    undo: "alter table {a}.samples validate constraint samples_company_id_check",
    found: ["company-stamp", "vault-structure"],
  },
  {
    name: "a foreign key across vaults",
    plant:
      "alter table {a}.log_entries add constraint across foreign key (employee_no) references {b}.employees (employee_no)",
    undo: "alter table {a}.log_entries drop constraint across",
    found: ["cross-references", "foreign-keys", "vault-structure"],
  },
  {
    name: "a foreign key out of a vault",
    plant:
      "alter table {a}.employees add constraint outward foreign key (company_id) references control.companies (company_id)",
    undo: "alter table {a}.employees drop constraint outward",
    found: ["control-objects", "cross-references", "foreign-keys", "vault-structure"],
  },
  {
    name: "a table that inherits from another vault's",
    plant: "create table {a}.child () inherits ({b}.counters)",
    undo: "drop table {a}.child",
    found: [
      "company-stamp",
      "cross-references",
      "inheritance",
      "policies",
      "row-security",
      "vault-owners",
      "vault-structure",
    ],
  },
  {
    name: "a view in a vault",
    plant: "create view {a}.peek as select * from {b}.employees",
    undo: "drop view {a}.peek",
    found: [
      "company-stamp",
      "cross-references",
      "policies",
      "row-security",
      "vault-objects",
      "vault-owners",
      "vault-structure",
    ],
  },
  {
    name: "a view over a vault elsewhere",
    plant: "create view control.peek as select external_id from {a}.employees",
    undo: "drop view control.peek",
    found: ["control-objects", "cross-references"],
  },
  {
    name: "a function in a vault",
    plant: "create function {a}.f() returns integer language sql as 'select 1'",
    undo: "drop function {a}.f()",
    found: ["vault-objects", "vault-owners"],
  },
  {
    name: "a trigger in a vault",
    plant:
      "create trigger copy before update on {a}.employees for each row execute function suppress_redundant_updates_trigger()",
    undo: "drop trigger copy on {a}.employees",
    found: ["vault-objects"],
  },
  {
    name: "a constraint's trigger switched off",
    plant: "alter table {a}.log_entries disable trigger all",
    undo: "alter table {a}.log_entries enable trigger all",
    found: ["vault-objects"],
  },
  {
    name: "a rule in a vault",
    plant: "create rule swallow as on delete to {a}.samples do instead nothing",
    undo: "drop rule swallow on {a}.samples",
    found: ["vault-objects"],
  },
];

/** What may happen to the control plane and the server. */
const controlAndServer: readonly Plant[] = [
  {
    name: "a guard that says yes",
    plant: `create or replace function guard.ok(company uuid) returns timestamptz language plpgsql immutable security definer
      set search_path = pg_catalog, pg_temp as $$ begin return now(); end $$`,
    undo: "{guard.ok}",
    found: ["control-functions"],
  },
  {
    name: "a function of the control plane without its fixed search_path",
    plant: "alter function control.provision_company() reset search_path",
    undo: "alter function control.provision_company() set search_path = pg_catalog, pg_temp",
    found: ["control-functions"],
  },
  {
    name: "a function more in the control schema",
    plant: "create function control.peek() returns integer language sql security definer as 'select 1'",
    undo: "drop function control.peek()",
    found: ["control-functions"],
  },
  {
    name: "a right on the keys",
    plant: "grant select on guard.keys to wellvault_auditor",
    undo: "revoke select on guard.keys from wellvault_auditor; grant select (key_id, create_time) on guard.keys to wellvault_auditor",
    found: ["control-objects", "service-privileges"],
  },
  {
    name: "a trigger more on the companies",
    plant:
      "create trigger copy before update on control.companies for each row execute function suppress_redundant_updates_trigger()",
    undo: "drop trigger copy on control.companies",
    found: ["control-objects"],
  },
  {
    name: "a migration's text changed in the database",
    plant: "update control.tenant_migrations set body = body || ' ' where version = 1",
    undo: "update control.tenant_migrations set body = left(body, -1) where version = 1",
    found: ["migrations"],
  },
  {
    name: "a migration that no file has",
    plant: "insert into control.control_migrations (version, name, checksum) values (999, '0999_x', 'x')",
    undo: "delete from control.control_migrations where version = 999",
    found: ["migrations"],
  },
  {
    name: "a vault that is behind",
    plant: "update control.companies set schema_version = 1 where vault = '{a}'",
    undo: "update control.companies set schema_version = (select max(version) from control.tenant_migrations) where vault = '{a}'",
    found: ["vault-versions"],
  },
  {
    name: "a company whose vault is gone",
    plant: "alter schema {a} rename to lost",
    undo: "alter schema lost rename to {a}",
    found: ["companies", "isolation", "schemas", "service-privileges", "vault-grants", "vault-structure"],
  },
  {
    name: "a vault without a company",
    plant: "create schema v_0123456789abcdef; create role v_0123456789abcdef",
    undo: "drop schema v_0123456789abcdef; drop role v_0123456789abcdef",
    found: ["companies", "schemas"],
  },
  {
    name: "a schema of somebody else",
    plant: "create schema public",
    undo: "drop schema public",
    found: ["schemas"],
  },
  {
    name: "three keys",
    plant: `insert into guard.keys (key_id, inner_pad, outer_pad)
      select repeat(i::text, 16), decode(repeat('00', 64), 'hex'), decode(repeat('00', 64), 'hex') from generate_series(1, 2) as i`,
    undo: "delete from guard.keys where key_id ~ '^(1+|2+)$'",
    found: ["token-key-rotation", "token-keys"],
  },
  {
    name: "a change of keys that never ended",
    plant: `insert into guard.keys (key_id, inner_pad, outer_pad, create_time)
      values (repeat('1', 16), decode(repeat('00', 64), 'hex'), decode(repeat('00', 64), 'hex'), now() - interval '90 days');
      update guard.keys set create_time = now() - interval '31 days' where key_id <> repeat('1', 16)`,
    undo: "delete from guard.keys where key_id = repeat('1', 16)",
    found: ["token-key-rotation", "token-keys"],
  },
  {
    name: "a publication",
    plant: "create publication leak for table {a}.employees",
    undo: "drop publication leak",
    found: ["cross-references", "replication"],
  },
  {
    name: "an event trigger",
    plant: `create function control.e() returns event_trigger language plpgsql as $$ begin end $$;
      create event trigger watch on ddl_command_end execute function control.e()`,
    undo: "drop event trigger watch; drop function control.e()",
    found: ["control-functions", "event-triggers"],
  },
  {
    name: "a language more",
    plant: "create language plagiarism handler plpgsql_call_handler",
    undo: "drop language plagiarism",
    found: ["extensions"],
  },
  {
    name: "a right given back to PUBLIC",
    plant: "grant execute on function pg_catalog.set_config(text, text, boolean) to public",
    undo: "revoke execute on function pg_catalog.set_config(text, text, boolean) from public",
    found: ["hardening"],
  },
  {
    name: "a catalogue table given back to PUBLIC",
    plant: "grant select on pg_catalog.pg_class to public",
    undo: "revoke select on pg_catalog.pg_class from public",
    found: ["hardening"],
  },
  {
    name: "a function among PostgreSQL's own",
    plant: "create function pg_catalog.lower(uuid) returns text language sql as 'select 1::text'",
    undo: "drop function pg_catalog.lower(uuid)",
    found: ["catalogue", "hardening"],
  },
  {
    name: "a server that keeps passwords badly",
    plant: "alter role wellvault_auditor set password_encryption = md5",
    undo: "alter role wellvault_auditor reset password_encryption",
    found: ["role-settings", "server-settings"],
  },
  {
    name: "a superuser that nobody knows of",
    plant: "create role helper superuser",
    undo: "drop role helper",
    found: ["powerful-roles"],
  },
  {
    name: "a superuser that is named like a vault's role of another database",
    plant: "create role v_ffffffffffffffff login superuser; grant connect on database postgres to v_ffffffffffffffff",
    undo: "revoke connect on database postgres from v_ffffffffffffffff; drop role v_ffffffffffffffff",
    found: ["companies", "powerful-roles"],
  },
  {
    name: "a login that is named like a vault's role of another database",
    plant: "create role v_ffffffffffffffff login noinherit; grant connect on database postgres to v_ffffffffffffffff",
    undo: "revoke connect on database postgres from v_ffffffffffffffff; drop role v_ffffffffffffffff",
    found: ["companies"],
  },
  {
    name: "a member of a superuser",
    plant: "create role stranger login; grant postgres to stranger",
    undo: "drop role stranger",
    found: ["powerful-members"],
  },
  {
    name: "a member of a member of a role that bypasses row level security",
    plant: `create role strong bypassrls; create role team; create role stranger login;
      grant strong to team; grant team to stranger with inherit false`,
    undo: "drop role stranger; drop role team; drop role strong",
    found: ["powerful-members", "powerful-roles"],
  },
  {
    name: "a database that belongs to somebody else",
    plant: "create role stranger; alter database {db} owner to stranger",
    undo: "alter database {db} owner to postgres; drop role stranger",
    found: ["database-privileges"],
  },
  {
    name: "a login that looks like another database's",
    plant: "create role wellvault_app_77 login noinherit; grant wellvault_session to wellvault_app_77 with set false",
    undo: "drop role wellvault_app_77",
    found: ["service-memberships", "service-roles"],
  },
  {
    name: "a monitor that reads the catalogue",
    plant: `create role monitor login; grant wellvault_catalog_reader to monitor;
      grant connect on database {db} to monitor`,
    undo: "revoke connect on database {db} from monitor; drop role monitor",
    found: ["catalogue-readers"],
  },
  {
    name: "a log that shows values",
    plant: "alter role wellvault_auditor in database {db} set log_statement = 'all'",
    undo: "alter role wellvault_auditor in database {db} reset log_statement",
    found: ["log-settings", "role-settings"],
  },
];

/** Every plant. */
export const plants: readonly Plant[] = [...rolesAndRights, ...controlAndServer, ...walls, ...cataloguePlants];

/** A plant that cannot be taken back altogether: a dropped column leaves its place behind. */
export const lastPlant: Plant = {
  name: "a column more",
  plant: "alter table {a}.employees add column extra text",
  undo: "alter table {a}.employees drop column extra",
  found: ["vault-structure"],
};
