import { readB } from "./becoming-another.ts";
import type { StatementsAttack } from "./whole-statements.ts";

/** Statements that end the transaction that the pin lives in, and go on. */
export const leavingTheTransaction: readonly StatementsAttack[] = [
  {
    id: "S25",
    title: "leave the transaction and change the server's settings",
    expected: "42501",
    sql: () => ["commit", "alter system set log_min_messages = 'panic'"],
  },
  {
    id: "S29",
    title: "leave the transaction and read B",
    expected: "42501",
    sql: ({ b }) => ["commit", readB(b.vault)],
  },
  {
    id: "S30",
    title: "leave the transaction, pin another one to B and read it",
    expected: "WV001, logged",
    sql: ({ b }) => [
      "commit",
      "begin",
      `set local search_path = "${b.vault}", pg_temp`,
      `set local role ${b.vault}`,
      "select external_id, display_name from employees",
    ],
  },
];
