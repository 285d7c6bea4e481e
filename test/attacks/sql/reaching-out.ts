import type { SqlAttack } from "./sql-attack.ts";

/** Statements that try to become B, or to read and write B's tables by their names. */
export const reachingOut: readonly SqlAttack<string>[] = [
  {
    id: "E01",
    title: "become B with set_config",
    expected: "42501",
    sql: ({ b }) => `select set_config('role', '${b.vault}', true)`,
  },
  {
    id: "E02",
    title: "become B and read it in one statement",
    expected: "42501",
    sql: ({ b }) =>
      `select set_config('role', '${b.vault}', true),
         query_to_xml('select external_id, display_name from ${b.vault}.employees', true, false, '')::text`,
  },
  {
    id: "E03",
    title: "become B by an update of pg_settings",
    expected: "42501",
    sql: ({ b }) => `update pg_settings set setting = '${b.vault}' where name = 'role'`,
  },
  {
    id: "E04",
    title: "read B by its qualified name",
    expected: "42501",
    sql: ({ b }) => `select external_id, display_name from ${b.vault}.employees`,
  },
  {
    id: "E05",
    title: "write B by its qualified name",
    expected: "42501",
    sql: ({ b }) => `update ${b.vault}.employees set team = 'taken with E05' returning employee_no`,
  },
  {
    id: "E06",
    title: "read B in a union with A",
    expected: "42501",
    sql: ({ b }) => `select external_id from employees union all select external_id from ${b.vault}.employees`,
  },
  {
    id: "E07",
    title: "point the search path at B",
    expected: "42501",
    sql: ({ b }) => `select set_config('search_path', '${b.vault}', true)`,
  },
  {
    id: "E30",
    title: "read B with table_to_xml",
    expected: "42501",
    sql: ({ b }) => `select table_to_xml('${b.vault}.employees', true, false, '')::text`,
  },
  {
    id: "E31",
    title: "take a number of B's sequence",
    expected: "42501",
    sql: ({ b }) => `select nextval('${b.vault}.numbers')`,
  },
  {
    id: "E32",
    title: "read a file of the server",
    expected: "42501",
    sql: () => "select pg_read_file('postgresql.conf')",
  },
  {
    id: "E33",
    title: "open a connection with dblink",
    expected: "42883",
    sql: ({ b }) => `select dblink('dbname=postgres', 'select external_id from ${b.vault}.employees')`,
  },
];
