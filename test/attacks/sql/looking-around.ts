import type { SqlAttack } from "./sql-attack.ts";

/** What may be told: numbers, names of vaults, of what is in every vault and of what Wellvault consists of. */
function namesOnly(rows: unknown): string {
  const words = (rows as object[]).flatMap((row) => Object.values(row)).flatMap((text) => String(text).split(" "));
  const meaningless =
    /^"?(\d+|-|v_[0-9a-f]{16}|(v_[0-9a-f]{16}\.|guard\.|control\.|pg_toast\.)?[a-z_]+[0-9]*[a-z_]*)"?$/;
  const others = words.filter((word) => !meaningless.test(word));
  return others.length === 0 ? "names and numbers" : others.join(", ");
}

/** Statements that look into the catalogue and at other sessions for what other companies there are. */
export const lookingAround: readonly SqlAttack<string>[] = [
  { id: "E08", title: "list the schemas", expected: "42501", sql: () => "select nspname from pg_namespace" },
  { id: "E09", title: "list the tables", expected: "42501", sql: () => "select relname, reltuples from pg_class" },
  { id: "E10", title: "list the roles", expected: "42501", sql: () => "select rolname from pg_roles" },
  {
    id: "E11",
    title: "watch other sessions",
    expected: "42501",
    sql: () => "select usename, query from pg_stat_activity",
  },
  {
    id: "E12",
    title: "read the planner's samples of B's values",
    expected: "42501",
    sql: ({ b }) => `select most_common_vals::text from pg_stats where schemaname = '${b.vault}'`,
  },
  {
    id: "E13",
    title: "count B's rows in the statistics",
    expected: "42501",
    sql: ({ b }) => `select n_live_tup from pg_stat_user_tables where schemaname = '${b.vault}'`,
  },
  {
    id: "E14",
    title: "weigh a table of B by its number",
    expected: "42501",
    sql: ({ employeesOfB }) => `select pg_total_relation_size(${employeesOfB}::oid)`,
  },
  {
    id: "E15",
    title: "count the rows of a table of B by its number",
    expected: "42501",
    sql: ({ employeesOfB }) => `select pg_stat_get_live_tuples(${employeesOfB}::oid)`,
  },
  {
    id: "E16",
    title: "ask whether B's schema is there",
    expected: "42501",
    sql: ({ b }) => `select has_schema_privilege('${b.vault}', 'usage')`,
  },
  {
    id: "E17",
    title: "ask whether B's table is there",
    expected: "42501",
    sql: ({ b }) => `select to_regclass('${b.vault}.employees')::text`,
  },
  {
    id: "E18",
    title: "turn a vault's name into a number (a vault's name says nothing)",
    expected: "names and numbers",
    describe: namesOnly,
    sql: ({ b }) => `select '${b.vault}'::regnamespace::oid::integer`,
  },
  {
    id: "E19",
    title: "turn numbers into roles' names (they say nothing)",
    expected: "names and numbers",
    describe: namesOnly,
    sql: ({ roleOfB }) =>
      `select string_agg(number::oid::regrole::text, ' ')
       from generate_series(${roleOfB} - 50, ${roleOfB} + 50) as number`,
  },
  {
    id: "E20",
    title: "turn numbers into tables' names (every vault has the same)",
    expected: "names and numbers",
    describe: namesOnly,
    sql: ({ employeesOfB }) =>
      `select string_agg(number::oid::regclass::text, ' ')
       from generate_series(${employeesOfB} - 50, ${employeesOfB} + 50) as number`,
  },
  {
    id: "E21",
    title: "have a table of B described by its number",
    expected: "42501",
    sql: ({ employeesOfB }) => `select pg_describe_object('pg_class'::regclass, ${employeesOfB}, 0)`,
  },
  {
    id: "E22",
    title: "list the tables in the information schema",
    expected: "42501",
    sql: () => "select table_schema, table_name from information_schema.tables",
  },
  { id: "E23", title: "watch locks", expected: "42501", sql: () => "select relation, mode from pg_locks" },
  {
    id: "E24",
    title: "list who may become whom",
    expected: "42501",
    sql: () => "select roleid, member from pg_auth_members",
  },
];
