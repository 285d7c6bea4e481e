import { afterAll, beforeAll } from "vitest";
import { declareChangingTheLogin } from "./sql/changing-the-login.ts";
import { wholeStatements } from "./sql/whole-statements.ts";
import { attackSuite } from "./support/attack.ts";
import { type AttackWorld, openAttackWorld } from "./support/world.ts";

/** Roles belong to the whole server: a login that no other test uses. */
const login = "wellvault_app_97";
let world: AttackWorld;
beforeAll(async () => {
  world = await openAttackWorld({ login });
});
afterAll(() => world.close());

const suite = attackSuite(() => world);
const { attack, complete } = suite;

for (const { sql, describe, knows, alsoAsLogin, ...rest } of wholeStatements) {
  attack({
    ...rest,
    knows: () => knows?.(world) ?? [],
    async run(attempt) {
      await world.attackBySql(attempt, sql(world), describe);
      if (alsoAsLogin) await world.attackBySql(attempt, ["reset role", ...sql(world)], describe);
    },
  });
}

declareChangingTheLogin(suite, () => world);

complete();
