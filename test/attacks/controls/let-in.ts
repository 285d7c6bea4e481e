import type { AttackSuite } from "../support/attack.ts";
import type { AttackWorld } from "../support/world.ts";
import { noGrant, without } from "./walls.ts";

/** Statements that are let in once a right is there, once each: what they make stays. */
const letIn: readonly (readonly [
  id: string,
  wall: string,
  down: (world: AttackWorld) => string,
  up: (world: AttackWorld) => string,
])[] = [
  [
    "S08",
    "the missing right to make temporary tables",
    () => temporary("grant", "to"),
    () => temporary("revoke", "from"),
  ],
  [
    "S09",
    "the missing schema that all share",
    () => "create schema public; grant all on schema public to public",
    () => "drop schema public cascade",
  ],
  [
    "S17",
    "the hardening of languages",
    () => "grant usage on language plpgsql to public",
    () => "revoke usage on language plpgsql from public",
  ],
  ["S22", "the missing grant", noGrant.down, noGrant.up],
  [
    "S24",
    "the missing right to hand B on",
    ({ a, b }) => `grant ${b.vault} to ${a.vault} with admin true, inherit false`,
    ({ a, b }) => `revoke ${b.vault} from ${a.vault} cascade`,
  ],
  [
    "S13",
    "the tables' owner being another",
    ({ a }) => `alter table ${a.vault}.employees owner to ${a.vault}`,
    ({ a }) =>
      `alter table ${a.vault}.employees owner to wellvault_owner;
       grant select, insert, update on ${a.vault}.employees to ${a.vault};
       alter table ${a.vault}.employees enable row level security`,
  ],
  [
    "S33",
    "the keys' lock",
    ({ a }) => `grant select on guard.keys to ${a.vault}`,
    ({ a }) => `revoke select on guard.keys from ${a.vault}`,
  ],
];

/** The right to make temporary tables in the current database. */
function temporary(verb: string, preposition: string): string {
  return `do $$ begin execute format('${verb} temporary on database %I ${preposition} public', current_database()); end $$`;
}

/** Declares the controls of {@link letIn}. */
export function declareLetIn(
  { control }: AttackSuite,
  world: () => AttackWorld,
  sqlOf: (id: string) => string[],
): void {
  for (const [id, name, down, up] of letIn) {
    control({
      id,
      without: name,
      effect: "let in",
      run: (attempt) =>
        without(world(), [{ name, down, up }], async () => {
          await attempt(
            "em.execute",
            () => send(world(), sqlOf(id)),
            () => "let in",
          );
        }),
    });
  }
}

/** Sends statements in a transaction of A, by its manager. */
export async function send(world: AttackWorld, statements: readonly string[]): Promise<unknown[]> {
  const way = world.ways["em.execute"];
  if (!way) throw new Error("there is no such way");
  return await way(statements);
}
