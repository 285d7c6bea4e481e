import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestService, type TestService } from "../../support/service.ts";
import { type Issuer, openIssuer } from "../wire/issuer.ts";
import { startRedirectedService } from "../wire/redirected-service.ts";
import type { Ledger } from "./ledger.ts";
import { fullStorm, readStormOptions, type StormOptions } from "./options.ts";
import { runStorm } from "./storm.ts";

let service: TestService;
let issuer: Issuer;
beforeAll(async () => {
  issuer = await openIssuer();
  service = await startTestService({ poolSize: 6, dataLogins: 2 }, undefined, issuer.settings);
});
afterAll(async () => {
  await service.close();
  await issuer.close();
});

const short: StormOptions = { ...fullStorm, tenants: 12, calls: 1_000, parallel: 24, connections: 4, secondsMax: 60 };
const tiny: StormOptions = { ...short, tenants: 3, calls: 120, parallel: 6, connections: 2 };

function target(address = service.address) {
  return { address, issuer, admin: service.database.admin };
}

async function vaultOf({ tenantId }: Ledger): Promise<string> {
  const { rows } = await service.database.admin.query<{ vault: string }>(
    "select vault::text as vault from control.companies where tenant_id = $1",
    [tenantId],
  );
  return rows[0]?.vault ?? "";
}

test("a short storm: no foreign row, nothing lost, nothing left behind", { timeout: 120_000 }, async () => {
  const summary = await runStorm(target(), short);
  expect(summary.violations).toEqual([]);
  expect(summary.lost).toBe(0);
  expect(summary.calls).toBe(short.calls);
  // It was a storm: rows were read, calls refused, given up and cancelled.
  expect(summary.rowsInAnswers).toBeGreaterThan(short.calls);
  expect(Object.keys(summary.outcomes).join("\n")).toMatch(/DeadlineExceeded[\s\S]*Canceled[\s\S]*refused: another/);
  expect(summary.acknowledged.samples).toBeGreaterThan(100);
  const { rows } = await service.database.admin.query("select from control.companies group by login");
  expect(rows.length).toBe(2);
  expect(service.logLines).toEqual([]);
});

const prefix = (ledgers: readonly Ledger[], index: number): Ledger => {
  const ledger = ledgers[index];
  if (!ledger) throw new Error("there are too few companies");
  return ledger;
};

test.each<[string, RegExp, (ledgers: readonly Ledger[]) => Promise<unknown>]>([
  [
    "a row with another company's text",
    /foreign row: the roster at the end/,
    async (ledgers) => {
      const vault = await vaultOf(prefix(ledgers, 0));
      const text = `${prefix(ledgers, 1).stamp} person`;
      await service.database.admin.query(`update ${vault}.employees set display_name = $1`, [text]);
    },
  ],
  [
    "a row with another company's stamp",
    /foreign row: \d+ of samples of company 1 by stamp/,
    async (ledgers) => {
      const vault = await vaultOf(prefix(ledgers, 1));
      await service.database.admin.query(
        `alter table ${vault}.samples drop constraint samples_company_id_check;
         update ${vault}.samples set company_id = gen_random_uuid()`,
      );
    },
  ],
  [
    "a write that was lost",
    /lost: a sample of company 2 in the API[\s\S]*lost: a sample of company 2 in the tables/,
    async (ledgers) => {
      const vault = await vaultOf(prefix(ledgers, 2));
      await service.database.admin.query(`delete from ${vault}.samples`);
    },
  ],
])("control: the storm notices %s", async (_, violation, beforeCheck) => {
  const seed = 100 + Math.floor(Math.random() * 1_000_000);
  await forgetCompanies();
  const { violations } = await runStorm(target(), { ...tiny, seed }, { beforeCheck });
  expect(violations.join("\n")).toMatch(violation);
});

test("control: the storm notices a directory that gives one company another's vault", async () => {
  await forgetCompanies();
  const liar = await startRedirectedService({
    databaseUrl: service.database.url,
    identity: issuer.settings,
    log: pino({ level: "silent" }),
    async redirect(entry, lookup) {
      return entry.tenantId === "storm-0000" ? ((await lookup("storm-0001")) ?? entry) : entry;
    },
  });
  try {
    const { violations } = await runStorm(target(liar.address), tiny);
    expect(violations.join("\n")).toMatch(/foreign row: List\w+, called for company 0/);
  } finally {
    await liar.stop();
  }
});

test("options that make no storm are refused by their names", () => {
  expect(() => readStormOptions(["--tenants", "1"])).toThrow("--tenants must be a whole number from 2 to 1000.");
  expect(() => readStormOptions(["--calls", "many"])).toThrow("--calls must be");
  expect(readStormOptions(["--seconds-max", "9", "--json"])).toEqual({
    storm: { ...fullStorm, secondsMax: 9 },
    json: true,
  });
});

/** Removes the companies of the storm before, for ids are never used again. */
async function forgetCompanies(): Promise<void> {
  const { admin } = service.database;
  const { rows } = await admin.query<{ vault: string }>(
    "select vault::text as vault from control.companies where tenant_id like 'storm-%'",
  );
  for (const { vault } of rows) await admin.query(`drop schema ${vault} cascade; drop role ${vault}`);
  await admin.query("delete from control.companies where tenant_id like 'storm-%'");
}
