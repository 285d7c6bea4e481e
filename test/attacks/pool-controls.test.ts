import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { loginUrl } from "../../src/database/logins.ts";
import { deriveTokenKey } from "../../src/database/token-key.ts";
import { EmployeeEntity } from "../../src/employees/employee-entity.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../support/migrate.ts";
import { declareLeftBehindControls } from "./controls/left-behind.ts";
import { openPlainPool, pinOf } from "./controls/plain-pool.ts";
import { declareTwoCompaniesControls } from "./controls/two-companies.ts";
import { noGrant, rowSecurity, tokenCheck, without } from "./controls/walls.ts";
import { interleaveOnOneConnection } from "./pool/interleaving.ts";
import { stacked } from "./pool/stacked-text.ts";
import { pinB } from "./pool/tokens.ts";
import { attackSuite } from "./support/attack.ts";
import { startTransactionPooler } from "./support/transaction-pooler.ts";
import { type AttackWorld, openAttackWorld } from "./support/world.ts";

// A database of its own: here walls fall.
let world: AttackWorld;
beforeAll(async () => {
  world = await openAttackWorld();
});
afterAll(() => world.close());

const suite = attackSuite(() => world);
const { control, half, complete } = suite;

/** Sends text by the simple protocol, pinned to A. Returns the rows of its last statement. */
async function bySimpleProtocol(text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: loginUrl(world.plane.database.url, world.a.login, undefined) });
  await client.connect();
  try {
    await client.query("begin");
    await client.query(pinOf(world.a));
    const results = (await client.query(text)) as unknown as pg.QueryResult[];
    return results.at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

for (const id of ["P01", "P02"]) {
  const text = () => (id === "P01" ? stacked(world.b.vault) : `select 1 /* ; */ ; -- \n ${stacked(world.b.vault)}`);
  control({
    id,
    without: "the extended protocol and row level security",
    effect: "reads B",
    run: (attempt) =>
      without(world, [rowSecurity], async () => {
        await attempt("the simple protocol", () => bySimpleProtocol(text()));
      }),
  });
  half({
    id,
    without: "the extended protocol",
    expected: "WV001",
    async run(attempt) {
      await attempt("the simple protocol", () => bySimpleProtocol(text()));
    },
  });
}

declareLeftBehindControls(suite, () => world);

control({
  id: "P15",
  without: "the missing grant and row level security",
  effect: "reads B",
  run: (attempt) =>
    without(world, [noGrant, rowSecurity], async () => {
      const { plane, a, b } = world;
      await attempt("find", () => plane.open(a).em.find(EmployeeEntity, {}, { schema: b.vault }));
    }),
});

half({
  id: "P15",
  without: "the missing grant",
  expected: "WV001, logged",
  run: (attempt) =>
    without(world, [noGrant], async () => {
      const { plane, a, b, alerts } = world;
      await attempt(
        "find",
        () => plane.open(a).em.find(EmployeeEntity, {}, { schema: b.vault }),
        undefined,
        alerts.mark(),
      );
    }),
});

/** Tokens that are refused, as P16, P17 and P18 try them. */
const refused = {
  P16: () => {
    const honest = createTenantTokens(testTokenKey);
    return { sign: (_: string, timeoutMs: number) => honest.sign(world.a.companyId, timeoutMs) };
  },
  P17: () => createTenantTokens(testTokenKey, () => Date.now() - 3_600_000),
  P18: () => createTenantTokens(deriveTokenKey("unknown")),
};
for (const [id, tokens] of Object.entries(refused)) {
  control({
    id,
    without: "the check of the token",
    effect: "reads B",
    run: (attempt) => without(world, [tokenCheck], () => pinB(world, attempt, "a token that is wrong", tokens())),
  });
}

control({
  id: "P19",
  without: "a connection for each transaction",
  effect: "strays",
  async run(attempt) {
    const { a, b, c } = world;
    const client = new pg.Client({ connectionString: loginUrl(world.plane.database.url, a.login, undefined) });
    await client.connect();
    await attempt(
      "one connection for all",
      () => interleaveOnOneConnection(client, [a, b, c], 16, 10),
      (wrong) => (wrong.length > 0 ? "strays" : "no strays"),
    );
    await client.end();
  },
});

control({
  id: "P20",
  without: "a connection for each transaction",
  effect: "reads B",
  async run(attempt) {
    const { a, b } = world;
    const pool = openPlainPool(world);
    await pool.bare("begin");
    const [pinA, pinOfB] = [pinOf(a), pinOf(b)];
    await attempt("one connection for both", async () => {
      await pool.bare(inline(pinA));
      await pool.bare("reset role");
      await pool.bare(inline(pinOfB));
      // The work of A goes on, where the session of B was opened inside it.
      return await pool.bare("select external_id from employees");
    });
    await pool.bare("rollback");
    await pool.close();
  },
});

declareTwoCompaniesControls(suite, () => world);

control({
  id: "P22",
  without: "pins that end with their transaction",
  effect: "reads B",
  async run(attempt) {
    const { a, b } = world;
    const pooler = await startTransactionPooler(loginUrl(world.plane.database.url, a.login, undefined), 1);
    const [first, second] = [new pg.Client(pooler.url), new pg.Client(pooler.url)];
    await first.connect();
    await second.connect();
    await first.query(pinOf(a, false));
    await first.query("reset role");
    await second.query(pinOf(b, false));
    await attempt("a pooler", async () => (await first.query("select external_id from employees")).rows);
    await first.end();
    await second.end();
    await pooler.close();
  },
});

control({
  id: "P23",
  without: "the retry",
  effect: "0A000",
  async run(attempt) {
    const { b } = world;
    const pool = openPlainPool(world);
    await pool.pinned(b, ["prepare roster as select * from employees", "execute roster"]);
    await world.admin(`alter table ${b.vault}.employees add column motto text`);
    await attempt("a plain pool", () => pool.pinned(b, ["execute roster"]));
    await world.admin(`alter table ${b.vault}.employees drop column motto`);
    await pool.close();
  },
});

complete();

/** A pin as text alone. */
function inline({ text, values = [] }: pg.QueryConfig): string {
  return text.replace(/\$(\d)/g, (_, place: string) => `'${String(values[Number(place) - 1])}'`);
}
