import type { EntityManager } from "@mikro-orm/postgresql";
import { sqlStateOf } from "../../../src/database/sqlstate.ts";
import { EmployeeEntity, type EmployeeRow } from "../../../src/employees/employee-entity.ts";
import type { AttackSuite } from "../support/attack.ts";
import { evidenceOf } from "../support/outcome.ts";
import type { AttackWorld } from "../support/world.ts";

/** What a manager may be asked to do with an entity. */
const usesOfAnEntity: Readonly<Record<string, (em: EntityManager, entity: EmployeeRow) => Promise<unknown>>> = {
  persist: (em, entity) => em.persist(entity).flush(),
  merge(em, entity) {
    em.merge(entity).location = "taken";
    return em.flush();
  },
  remove: (em, entity) => em.remove(entity).flush(),
  refresh: (em, entity) => em.refresh(entity),
  insert: (em, entity) => em.insert(entity),
  upsert: (em, entity) => em.upsert(entity),
  upsertMany: (em, entity) => em.upsertMany([entity]),
};

/** P21: what belongs to a manager of one company, given to that of another. */
export function declareTwoCompanies({ attack }: AttackSuite, world: () => AttackWorld): void {
  attack({
    id: "P21",
    title: "use one manager for two companies: an entity or a transaction of one in the manager of the other",
    expected: "refused",
    async run(attempt) {
      const { plane, a, b } = world();
      const mine = () => plane.open(a).em.findOneOrFail(EmployeeEntity, { employeeNo: 1 });
      /** Either the service notices, or PostgreSQL does. */
      const expectRefusal = (way: string, work: () => Promise<unknown>) =>
        attempt(
          way,
          () => work().catch((error: Error) => error),
          (result) =>
            result instanceof Error && (sqlStateOf(result) === "42501" || /used for two vaults/.test(result.message))
              ? "refused"
              : evidenceOf(result),
        );
      for (const [way, use] of Object.entries(usesOfAnEntity)) {
        await expectRefusal(way, async () => {
          const employee = await mine();
          employee.team = "taken";
          await use(plane.open(b).em, employee);
        });
      }
      await expectRefusal("persist in a transaction", async () => {
        const employee = await mine();
        await plane.open(b).transaction(async ({ em }) => {
          em.persist(employee);
          employee.team = "taken";
        });
      });
      await expectRefusal("the schema set afterwards", async () => {
        const em = plane.open(a).em;
        em.schema = b.vault;
        return await em.find(EmployeeEntity, {});
      });
      await expectRefusal("A's transaction in B's manager", () =>
        plane.open(a).em.transactional((em) => {
          const ctx = em.getTransactionContext();
          return plane.open(b).em.find(EmployeeEntity, {}, { ctx });
        }),
      );
      await expectRefusal("B's transaction in A's manager", () =>
        plane.open(b).em.transactional((em) => {
          const ctx = em.getTransactionContext();
          return plane.open(a).em.find(EmployeeEntity, {}, { ctx });
        }),
      );
    },
  });
}
