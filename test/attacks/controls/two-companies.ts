import { oneVaultSubscriber } from "../../../src/database/one-vault-subscriber.ts";
import { EmployeeEntity } from "../../../src/employees/employee-entity.ts";
import type { AttackSuite } from "../support/attack.ts";
import type { AttackWorld } from "../support/world.ts";
import { noGrant, rowSecurity, without } from "./walls.ts";

/** P21 without the check of the managers, which PostgreSQL makes up for, and without what makes up for it. */
export function declareTwoCompaniesControls({ control, half }: AttackSuite, world: () => AttackWorld): void {
  /** Has A's manager write an entity of B, and nobody in the service look. */
  async function flushTheirs(): Promise<void> {
    const { plane, a, b } = world();
    const theirs = await plane.open(b).em.findOneOrFail(EmployeeEntity, { employeeNo: 2 });
    theirs.team = `taken at ${performance.now()}`;
    const { onFlush } = oneVaultSubscriber;
    if (!onFlush) throw new Error("there is no check");
    oneVaultSubscriber.onFlush = () => undefined;
    try {
      await plane.open(a).em.persist(theirs).flush();
    } finally {
      oneVaultSubscriber.onFlush = onFlush;
    }
  }

  control({
    id: "P21",
    without: "the managers' check, the missing grant and row level security",
    effect: "changes B",
    run: (attempt) =>
      without(world(), [noGrant, rowSecurity], async () => {
        await attempt("persist and flush", flushTheirs);
      }),
  });

  half({
    id: "P21",
    without: "the managers' check",
    expected: "42501",
    async run(attempt) {
      await attempt("persist and flush", flushTheirs);
    },
  });
}
