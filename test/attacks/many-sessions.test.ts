import { afterAll, beforeAll, expect } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { statement } from "../../src/database/statement.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import { openTenantSessions } from "../../src/tenancy/sessions.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../support/migrate.ts";
import { interleave } from "./pool/interleaving.ts";
import { declareTwoCompanies } from "./pool/two-companies.ts";
import { attackSuite } from "./support/attack.ts";
import { startTransactionPooler } from "./support/transaction-pooler.ts";
import { type AttackWorld, openAttackWorld, readRoster } from "./support/world.ts";

// Few connections for many tasks: each connection goes from company to company all the time.
let world: AttackWorld;
beforeAll(async () => {
  world = await openAttackWorld({ poolSize: 3 });
});
afterAll(() => world.close());

const suite = attackSuite(() => world);
const { attack, complete } = suite;

/** Undoes what an interleaving wrote in every company, so that the victims' rows are as they were. */
async function undo(): Promise<void> {
  for (const { vault } of [world.a, world.b, world.c]) {
    await world.admin(`delete from ${vault}.employees where employee_no >= 1000`);
  }
}
/** Rows of an interleaving that stand in another company than their own, as the superuser sees them. */
async function astray(): Promise<string[]> {
  const found: string[] = [];
  for (const { vault, tenantId } of [world.a, world.b, world.c]) {
    const rows = await world.admin(`select distinct team from ${vault}.employees where employee_no >= 1000`);
    expect(rows.length).toBeGreaterThan(0);
    found.push(...rows.map(({ team }) => String(team)).filter((team) => team !== tenantId));
  }
  return found;
}

attack({
  id: "P19",
  title: "interleave the companies: 16 tasks, 100 transactions each",
  expected: "0 strays",
  async run(attempt) {
    const { plane, a, b, c } = world;
    const tenants = [a, b, c];
    await attempt(
      "sessions of one pool",
      () => interleave({ open: (tenant) => plane.open(tenant), tenants, tasks: 16, rounds: 100 }),
      async (wrong) => `${wrong.length + (await astray()).length} strays`,
    );
    await undo();
  },
});

attack({
  id: "P20",
  title: "nest sessions of A and B in each other",
  expected: "each sees its own",
  async run(attempt) {
    const { plane, a, b } = world;
    const own = (rows: readonly { external_id: string }[][]) => {
      const [outer, inner, again] = rows.map((roster) => roster.map((row) => row.external_id).join());
      return outer === again && outer !== inner && inner !== "" && outer !== "" ? "each sees its own" : "mixed up";
    };
    // The rosters of B are what a session of B may see: only that they are apart is told on.
    const told = async (work: () => Promise<{ external_id: string }[][]>) => own(await work());
    const say = (text: string) => text;
    await attempt(
      "B within A",
      () =>
        told(() =>
          plane
            .open(a)
            .transaction(async (outer) => [
              await outer.query(readRoster, []),
              await plane.open(b).transaction((inner) => inner.query(readRoster, [])),
              await outer.query(readRoster, []),
            ]),
        ),
      say,
    );
    await attempt(
      "B's manager within A's transaction",
      () =>
        told(() =>
          plane.open(a).em.transactional(async (em) => {
            const shape = (employees: { externalId: string }[]) =>
              employees.map(({ externalId }) => ({ external_id: externalId }));
            const ofB = plane.open(b).em;
            return [
              shape(await em.fork({ clear: true, keepTransactionContext: true }).find(EmployeeEntity, {})),
              shape(await ofB.transactional((inner) => inner.find(EmployeeEntity, {}))),
              shape(await em.find(EmployeeEntity, {})),
            ];
          }),
        ),
      say,
    );
  },
});

declareTwoCompanies(suite, () => world);

attack({
  id: "P22",
  title: "interleave the companies behind a pooler that lends connections by the transaction",
  expected: "0 strays",
  async run(attempt) {
    const { plane, a, b, c } = world;
    const pooler = await startTransactionPooler(loginUrl(plane.database.url, a.login, undefined), 2);
    const sessions = openTenantSessions({
      urlOf: () => pooler.url,
      loginCount: 1,
      poolSize: 12,
      tokens: createTenantTokens(testTokenKey),
      entities: [EmployeeEntity],
      onWarning: () => undefined,
    });
    const signal = new AbortController().signal;
    const open = (tenant: typeof a) => sessions.open({ tenant, signal, timeoutMs: 10_000 });
    await attempt(
      "sessions through the pooler",
      () => interleave({ open, tenants: [a, b, c], tasks: 12, rounds: 25 }),
      async (wrong) => `${wrong.length + (await astray()).length} strays`,
    );
    // The connections did go from client to client, and not only by turns of one.
    expect(pooler.switches()).toBeGreaterThan(100);
    await undo();
    await sessions.close();
    await pooler.close();
  },
});

attack({
  id: "P23",
  title: "run a named statement while a migration changes its table",
  expected: "retried, own rows",
  async run(attempt) {
    const { plane, a } = world;
    let runs = 0;
    await attempt(
      "a statement prepared before and run after",
      () =>
        plane.open(a).transaction(async (transaction) => {
          runs++;
          const send = (text: string) => transaction.query(statement<[], { external_id: string }>(text), []);
          await send("prepare roster as select * from employees order by employee_no");
          const before = await send("execute roster");
          if (runs === 1) {
            // Out of the transaction, so that the migration need not wait, and on the same connection.
            await send("commit");
            await world.admin(`alter table ${a.vault}.employees add column motto text not null default 'new'`);
            await send("begin");
            await send(`set local search_path = "${a.vault}", pg_temp`);
            await send(`set local role ${a.vault}`);
          }
          const after = await send("execute roster");
          return { before, after };
        }),
      (result) => {
        const own = result.after.every((row, index) => row.external_id === result.before[index]?.external_id);
        return runs > 1 && own ? "retried, own rows" : `${runs} runs`;
      },
    );
    await world.admin(`alter table ${a.vault}.employees drop column motto`);
  },
});

complete();
