import type { SqlAttack } from "./sql-attack.ts";

/** Statements that do harm or leave something behind without naming B, and rows that claim to be B's. */
export const insideTheVault: readonly SqlAttack<string>[] = [
  {
    id: "E25",
    title: "hold an advisory lock that others wait for",
    expected: "42501",
    sql: () => "select pg_advisory_lock(1)",
  },
  { id: "E26", title: "signal other sessions", expected: "42501", sql: () => "select pg_notify('news', 'text')" },
  {
    id: "E27",
    title: "write a large object, outside every vault",
    expected: "42501",
    sql: () => "select lo_from_bytea(0, 'text')",
  },
  { id: "E28", title: "hold a connection asleep", expected: "42501", sql: () => "select pg_sleep(0.01)" },
  {
    id: "E29",
    title: "run text as SQL with ts_stat",
    expected: "42501",
    sql: ({ b }) => `select word from ts_stat('select to_tsvector(display_name) from ${b.vault}.employees')`,
  },
  {
    id: "E34",
    title: "put a row stamped as B's among A's",
    expected: "23514",
    sql: ({ b }) =>
      `insert into employees (employee_no, employee_id, external_id, company_id)
       values (99, gen_random_uuid(), 'smuggled', '${b.companyId}')`,
    knows: ({ b }) => [b.companyId],
  },
  {
    id: "E35",
    title: "rewrite what auditors check",
    expected: "42501",
    sql: () => "update control.control_migrations set checksum = ''",
  },
  {
    id: "E36",
    title: "delete what auditors check",
    expected: "42501",
    sql: () => "delete from control.tenant_migrations",
  },
  {
    id: "E37",
    title: "end another backend",
    expected: "42501",
    sql: ({ backend }) => `select pg_terminate_backend(${backend})`,
  },
  {
    id: "E38",
    title: "measure what others write",
    expected: "42501",
    sql: () => "select pg_current_wal_lsn()::text, txid_current()",
  },
  {
    id: "E39",
    title: "export a snapshot and hold back the clean-up",
    expected: "42501",
    sql: () => "select pg_export_snapshot()",
  },
];
