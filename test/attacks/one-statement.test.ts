import { afterAll, beforeAll } from "vitest";
import { oneStatement } from "./sql/one-statement.ts";
import { attackSuite } from "./support/attack.ts";
import { type AttackWorld, openAttackWorld } from "./support/world.ts";

let world: AttackWorld;
beforeAll(async () => {
  world = await openAttackWorld();
});
afterAll(() => world.close());

const { attack, complete } = attackSuite(() => world);

for (const { sql, describe, knows, ...rest } of oneStatement) {
  attack({
    ...rest,
    knows: () => knows?.(world) ?? [],
    run: (attempt) => world.attackBySql(attempt, [sql(world)], describe),
  });
}

complete();
