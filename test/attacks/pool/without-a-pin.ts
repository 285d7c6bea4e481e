import { loginUrl } from "../../../src/database/logins.ts";
import { openOrm } from "../../../src/database/orm.ts";
import { EmployeeEntity } from "../../../src/employees/employee-entity.ts";
import type { AttackSuite } from "../support/attack.ts";
import type { AttackWorld } from "../support/world.ts";
import { backends, bareManager, valueFor } from "./bare.ts";

/** P12 to P15: a transaction that was left open, pins that are missing, and a manager told to use B's schema. */
export function declareWithoutAPin({ attack }: AttackSuite, world: () => AttackWorld): void {
  attack({
    id: "P12",
    title: "give the connection back inside a transaction, for B to work in",
    expected: "no transaction left",
    async run(attempt) {
      const { b } = world();
      const left = async () => {
        let open = await transactions(world());
        // The server takes a moment to see that a connection was closed.
        for (let wait = 0; wait < 100 && open.length > 0; wait++) {
          await new Promise((done) => setTimeout(done, 20));
          open = await transactions(world());
        }
        return open.length === 0 ? "no transaction left" : open.map(({ state }) => state).join(", ");
      };
      await attempt("a manager without a pin", () => bareManager(world()).execute("begin"), left);
      for (const [way, send] of Object.entries(world().ways)) {
        await attempt(`${way}, commit and chain`, () => send(["commit and chain"]), left);
        await attempt(`${way}, commit and begin`, () => send(["commit", "begin"]), left);
        await attempt(`${way}, then B`, () => valueFor(world(), b, "select count(*) from employees"), left);
      }
    },
  });

  attack({
    id: "P13",
    title: "pin outside a transaction and read",
    expected: "42P01",
    async run(attempt) {
      const { a } = world();
      await attempt("a manager without a pin", async () => {
        const bare = bareManager(world());
        await bare.execute(`set local search_path = "${a.vault}"`);
        await bare.execute(`set local role ${a.vault}`);
        return await bare.execute("select external_id from employees");
      });
    },
  });

  attack({
    id: "P14",
    title: "use a manager without a tenant",
    expected: "42P01",
    async run(attempt) {
      const { plane, a } = world();
      const data = openOrm({
        url: loginUrl(plane.database.url, a.login, undefined),
        poolSize: 1,
        entities: [EmployeeEntity],
        onWarning: () => undefined,
      });
      const em = () => data.orm.em.fork();
      await attempt("find", () => em().find(EmployeeEntity, {}));
      await attempt("count", () => em().count(EmployeeEntity, {}));
      await attempt("nativeUpdate", () => em().nativeUpdate(EmployeeEntity, {}, { team: "taken" }));
      await attempt("nativeDelete", () => em().nativeDelete(EmployeeEntity, {}));
      await attempt("execute", () => em().execute("select external_id from employees"));
      await attempt("find in a transaction", () => em().transactional((inner) => inner.find(EmployeeEntity, {})));
      await data.close();
    },
  });

  attack({
    id: "P15",
    title: "tell A's manager to use B's schema",
    expected: "42501",
    async run(attempt) {
      const { plane, a, b } = world();
      const inB = { schema: b.vault };
      const em = () => plane.open(a).em;
      await attempt("find", () => em().find(EmployeeEntity, {}, inB));
      await attempt("findOne", () => em().findOne(EmployeeEntity, { employeeNo: 1 }, inB));
      await attempt("count", () => em().count(EmployeeEntity, {}, inB));
      await attempt("nativeUpdate", () => em().nativeUpdate(EmployeeEntity, {}, { team: "taken" }, inB));
      await attempt("nativeDelete", () => em().nativeDelete(EmployeeEntity, {}, inB));
      await attempt("fork", () => em().fork(inB).find(EmployeeEntity, {}));
      await attempt("a query builder", () =>
        em().createQueryBuilder(EmployeeEntity).withSchema(b.vault).getResultList(),
      );
      await attempt("in a transaction", () =>
        plane.open(a).transaction((transaction) => transaction.em.find(EmployeeEntity, {}, inB)),
      );
    },
  });
}

/** Backends of the data plane that have a transaction open. */
async function transactions(world: AttackWorld): Promise<{ state: string }[]> {
  return (await backends(world)).filter(({ state }) => state !== "idle");
}
