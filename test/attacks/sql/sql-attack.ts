import type { AttackWorld } from "../support/world.ts";

/** An attack that is SQL and nothing else. */
export interface SqlAttack<Sql> {
  /** Its id in the catalogue. */
  readonly id: string;
  readonly title: string;
  /** What it has to end with, by both ways that the service sends statements. */
  readonly expected: string;
  /** What the attacker, who is in A's transaction, sends. */
  readonly sql: (world: AttackWorld) => Sql;
  /** Puts what it returned into a word. Default the number of rows. */
  readonly describe?: (result: unknown) => string;
  /** Values of the victims that stand in the SQL itself. */
  readonly knows?: (world: AttackWorld) => readonly string[];
}

/** Finds an attack, for the control that repeats it. */
export function byId<Sql>(attacks: readonly SqlAttack<Sql>[], id: string): SqlAttack<Sql> {
  const found = attacks.find((attack) => attack.id === id);
  if (!found) throw new Error(`there is no attack ${id}`);
  return found;
}
