import { testTokenKey } from "../../support/migrate.ts";
import type { StatementsAttack } from "./whole-statements.ts";

/** Reads what gives B away. */
export const readB = (vault: string) => `select external_id, display_name from ${vault}.employees`;

/** Statements that become another role and then do what that role may. */
export const becomingAnother: readonly StatementsAttack[] = [
  {
    id: "S01",
    title: "go back to the login and read B",
    expected: "42501",
    sql: ({ b }) => ["reset role", readB(b.vault)],
  },
  {
    id: "S02",
    title: "become B and read it",
    expected: "WV001, logged",
    sql: ({ b }) => [`set role ${b.vault}`, readB(b.vault)],
  },
  {
    id: "S03",
    title: "become B by session authorization",
    expected: "42501",
    alsoAsLogin: true,
    sql: ({ b }) => [`set session authorization ${b.vault}`, readB(b.vault)],
  },
  {
    id: "S04",
    title: "become the owner of all vaults and read B",
    expected: "42501",
    alsoAsLogin: true,
    sql: ({ b }) => ["set role wellvault_owner", readB(b.vault)],
  },
  {
    id: "S05",
    title: "become the superuser and read B",
    expected: "42501",
    alsoAsLogin: true,
    sql: ({ b, superuser }) => [`set role "${superuser}"`, readB(b.vault)],
  },
  {
    id: "S31",
    title: "become B in a savepoint, undo it and read B",
    expected: "42501",
    sql: ({ b }) => ["savepoint here", `set local role ${b.vault}`, "rollback to here", readB(b.vault)],
  },
  {
    id: "S37",
    title: "switch row level security off, become B and read it",
    expected: "42501",
    sql: ({ b }) => ["set row_security = off", `set role ${b.vault}`, readB(b.vault)],
  },
  {
    id: "S39",
    title: "forge a token for B, become B and read it",
    expected: "WV001, logged",
    sql: ({ b }) => [
      // Even with the right id of the key, a time ahead and the right form.
      `set wellvault.token = '${testTokenKey.id}.${Math.ceil(Date.now() / 1_000) + 60}.${"0".repeat(64)}'`,
      `set role ${b.vault}`,
      readB(b.vault),
    ],
  },
  {
    id: "S40",
    title: "become B and write it",
    expected: "WV001, logged",
    sql: ({ b }) => [
      `set role ${b.vault}`,
      `update ${b.vault}.employees set team = 'taken with S40' returning external_id`,
    ],
  },
  {
    id: "S43",
    title: "become B and have EXPLAIN ANALYZE count the rows of a guess",
    expected: "WV001, logged",
    sql: ({ b }) => [
      `set role ${b.vault}`,
      "set enable_seqscan = off",
      `explain (analyze, timing off, summary off) select 1 from ${b.vault}.employees where delete_time is null and external_id >= 'a'`,
    ],
    describe: (plan) => JSON.stringify(plan),
  },
];
