import type { Plant } from "./plants.ts";

/** A right on something of PostgreSQL's own, and the checks that find it. */
function right(what: string, to: string, found: readonly string[] = ["catalogue-grants"]): Plant {
  return { name: `${what} for ${to}`, plant: `grant ${what} to ${to}`, undo: `revoke ${what} from ${to}`, found };
}

/** What may happen to PostgreSQL's own objects, and to what stands in no schema. */
export const cataloguePlants: readonly Plant[] = [
  right("select on pg_authid", "wellvault_catalog_reader"),
  right("select on pg_statistic", "wellvault_catalog_reader"),
  right("select (rolpassword) on pg_authid", "wellvault_catalog_reader"),
  right("update on pg_class", "wellvault_catalog_reader"),
  right("execute on function pg_read_file(text)", "wellvault_catalog_reader"),
  right("execute on function pg_read_file(text)", "wellvault_auditor", ["catalogue-grants", "service-privileges"]),
  right("execute on function pg_read_file(text)", "{a}", ["catalogue-grants", "isolation"]),
  right("select on pg_authid", "public", ["catalogue-grants", "hardening"]),
  right("create on schema pg_catalog", "wellvault_app", ["catalogue", "catalogue-grants", "service-privileges"]),
  right("create on schema pg_toast", "wellvault_catalog_reader", ["catalogue-grants", "vault-grants-foreign"]),
  {
    name: "a right of the reader that may be passed on",
    plant: "grant select on pg_class to wellvault_catalog_reader with grant option",
    undo: "revoke grant option for select on pg_class from wellvault_catalog_reader",
    found: ["catalogue-grants"],
  },
  {
    name: "a TOAST table that everybody may read",
    plant:
      "do $$ begin execute format('grant select on %s to public', (select reltoastrelid::regclass from pg_class where oid = '{a}.log_entries'::regclass)); end $$",
    undo: "do $$ begin execute format('revoke select on %s from public', (select reltoastrelid::regclass from pg_class where oid = '{a}.log_entries'::regclass)); end $$",
    found: ["vault-grants-foreign"],
  },
  {
    name: "a function of PostgreSQL that does what another one does",
    plant:
      "create or replace function pg_catalog.lower(text) returns text language internal immutable strict parallel safe as 'upper'",
    undo: "create or replace function pg_catalog.lower(text) returns text language internal immutable strict parallel safe as 'lower'",
    found: ["builtin-functions"],
  },
  {
    name: "a function of PostgreSQL with its owner's rights",
    plant: "alter function pg_catalog.pg_ls_dir(text) security definer",
    undo: "alter function pg_catalog.pg_ls_dir(text) security invoker",
    found: ["builtin-functions"],
  },
  {
    name: "a function of PostgreSQL in another language",
    plant:
      "create or replace function pg_catalog.pg_postmaster_start_time() returns timestamptz language plpgsql stable strict parallel safe as 'begin return now(); end'",
    undo: "create or replace function pg_catalog.pg_postmaster_start_time() returns timestamptz language internal stable strict parallel safe as 'pg_postmaster_start_time'",
    found: ["builtin-functions"],
  },
  {
    name: "a type among PostgreSQL's own",
    plant: "create type pg_catalog.mood as enum ('good')",
    undo: "drop type pg_catalog.mood",
    found: ["catalogue"],
  },
  {
    name: "a cast",
    plant: "create cast (uuid as bytea) with inout as implicit",
    undo: "drop cast (uuid as bytea)",
    found: ["catalogue"],
  },
  {
    name: "a collation among PostgreSQL's own",
    plant: "create collation pg_catalog.odd (locale = 'C')",
    undo: "drop collation pg_catalog.odd",
    found: ["catalogue"],
  },
  {
    name: "a text search dictionary among PostgreSQL's own",
    plant: "create text search dictionary pg_catalog.odd (template = pg_catalog.simple)",
    undo: "drop text search dictionary pg_catalog.odd",
    found: ["catalogue"],
  },
  {
    name: "a way to index",
    plant: "create access method odd type table handler heap_tableam_handler",
    undo: "drop access method odd",
    found: ["catalogue"],
  },
  {
    name: "a large object that everybody may read",
    plant: "select lo_create(4711); grant select on large object 4711 to public",
    undo: "select lo_unlink(4711)",
    found: ["large-objects"],
  },
  {
    name: "a guard that is leakproof",
    plant: "alter function guard.ok(uuid) leakproof",
    undo: "alter function guard.ok(uuid) not leakproof",
    found: ["control-functions"],
  },
  {
    name: "a guard that answers null for null",
    plant: "alter function guard.admit(uuid, text, bigint, bytea) strict",
    undo: "alter function guard.admit(uuid, text, bigint, bytea) called on null input",
    found: ["control-functions"],
  },
  {
    name: "a guard that is dear",
    plant: "alter function guard.admit(uuid, text, bigint, bytea) cost 1000000",
    undo: "alter function guard.admit(uuid, text, bigint, bytea) cost 100",
    found: ["control-functions"],
  },
  {
    name: "a log of slow statements",
    plant: "alter role wellvault_auditor in database {db} set log_min_duration_statement = 0",
    undo: "alter role wellvault_auditor in database {db} reset log_min_duration_statement",
    found: ["log-settings", "role-settings"],
  },
  {
    name: "a log of plans",
    plant: "alter role wellvault_auditor in database {db} set debug_print_plan = on",
    undo: "alter role wellvault_auditor in database {db} reset debug_print_plan",
    found: ["log-settings", "role-settings"],
  },
];
