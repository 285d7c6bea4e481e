import { becomingAnother } from "./becoming-another.ts";
import { changingThings } from "./changing-things.ts";
import { leavingTheTransaction } from "./leaving-the-transaction.ts";
import type { SqlAttack } from "./sql-attack.ts";

/** An attack of whole statements, sent one by one. */
export interface StatementsAttack extends SqlAttack<readonly string[]> {
  /** Whether it is made a second time as the login, after `reset role`, and has to end the same way. */
  readonly alsoAsLogin?: boolean;
}

/** The attacks S01 to S43 that are statements and nothing else. */
export const wholeStatements: readonly StatementsAttack[] = [
  ...becomingAnother,
  ...changingThings,
  ...leavingTheTransaction,
];
