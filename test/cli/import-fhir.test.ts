import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { spawnCommand } from "../support/command.ts";
import { runImport, runImportJson, samplesOf } from "../support/import-command.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { caller, createKey, startJwks, tokenSettings } from "../support/tokens.ts";

const fixtures = join(import.meta.dirname, "../fixtures/fhir");
const bundle = join(fixtures, "bundle.json");

let service: TestService;
let folder: string;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  folder = await mkdtemp(join(tmpdir(), "wellvault-import-"));
  tenant = await service.provision();
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

const toFhir = (file: string, ...rest: string[]) => {
  const where = ["--address", service.address, "--tenant", tenant, "--progress-file", join(folder, "progress.json")];
  return ["fhir", file, ...where, ...rest];
};

test("a bundle is stored once, a correction in place of what it corrects, and no other tenant gets anything", async () => {
  const ada = await service.hire(tenant, "ada");
  const other = await service.provision();
  const namesake = await service.hire(other, "ada");
  const { status, summary } = await runImportJson(toFhir(bundle), spawnCommand);
  expect(status).toBe(0);
  expect(summary).toMatchObject({ inserted: 19, replaced: 0, unchanged: 0, stale: 1, refused: 0, complete: true });
  expect(summary.passedOver).toMatchObject({ Patient: 1, Condition: 1, "Observation entered-in-error": 1 });
  const samples = await samplesOf(service, tenant, ada);
  expect(samples).toHaveLength(19);
  expect(samples.filter(({ kind }) => kind === "heart_rate").map(({ value }) => value)).toEqual([64]);
  // Slept from the evening before: the night is of the day of waking.
  expect(samples.find(({ kind }) => kind === "sleep_duration")).toMatchObject({ value: 450, civilDate: "2024-05-01" });
  const again = await runImportJson(toFhir(bundle));
  expect(again.summary).toMatchObject({ inserted: 0, replaced: 0, unchanged: 19, stale: 1 });
  expect(await samplesOf(service, tenant, ada)).toEqual(samples);
  expect(await samplesOf(service, other, namesake)).toEqual([]);
  // In words: a result that was taken back is no metric that the service lacks.
  const { stdout } = await runImport(toFhir(bundle));
  expect(stdout).toMatch(/^Passed over, .* or no value that stands:\n(?: .*\n)* {2}1 Observation entered-in-error\n/m);
});

test("a file of several people goes to each of them, and a bad unit is refused with its line and what is known", async () => {
  const grace = await service.hire(tenant, "grace");
  const file = join(folder, "people.ndjson");
  const text = await readFile(join(fixtures, "observations.ndjson"), "utf8");
  await writeFile(file, `${text}${text.split("\n")[1]?.replaceAll('"kg"', '"quintal"')}\n{"resourceType"\n`);
  const { status, summary, stderr } = await runImportJson(toFhir(file, "--utc-offset-minutes", "-300"));
  expect(status).toBe(1);
  expect(summary).toMatchObject({ inserted: 4, refused: 2, complete: true, passedOver: { Encounter: 1 } });
  expect(summary.problems).toEqual([
    {
      ...{ file, line: 6, field: "valueQuantity.code" },
      problem: "must be a UCUM code that is known for weight: kg, g, [lb_av], [oz_av], [stone_av]",
    },
    { file, line: 7, problem: "is no JSON" },
  ]);
  expect(stderr).toContain("people.ndjson:6: valueQuantity.code must be");
  expect(stderr).not.toMatch(/quintal|61\.2/);
  expect((await samplesOf(service, tenant, grace)).map(({ kind, value }) => [kind, value])).toEqual([
    ["weight", 61.2],
    ["heart_rate", 58],
  ]);
});

test("values that no body has are refused by the service's own rules, at their path", async () => {
  const file = join(folder, "bounds.json");
  const text = await readFile(bundle, "utf8");
  await writeFile(file, text.replace('"value": 62,', '"value": 6200,'));
  const { status, summary } = await runImportJson(toFhir(file, "--employee", "ada", "--dry-run"));
  expect(status).toBe(1);
  expect(summary).toMatchObject({ accepted: 19, inserted: 0, refused: 1 });
  expect(summary.problems).toEqual([
    {
      ...{ file, path: "entry[3].resource", field: "heart_rate.value" },
      problem: "must be from 1 to 300 /min for heart_rate",
    },
  ]);
});

test("a broken file ends with 1 and where, with what stood before it stored", async () => {
  const employeeId = await service.hire(tenant, "edsger");
  const file = join(folder, "broken.json");
  const text = await readFile(bundle, "utf8");
  await writeFile(file, text.slice(0, text.indexOf('"id": "temp"')));
  const { status, summary, stderr } = await runImportJson(toFhir(file, "--employee", "edsger"));
  expect(status).toBe(1);
  expect(summary).toMatchObject({ inserted: 3, refused: 0, complete: false });
  expect(stderr).toMatch(/broken\.json:\d+: ends before its JSON does; the file is read no further/);
  expect(await samplesOf(service, tenant, employeeId)).toHaveLength(3);
  const wrong = await runImport(toFhir(bundle, "--format", "xml"));
  expect(wrong).toMatchObject({ status: 2, stdout: "" });
});

test("who may not is told so, and a token with the role of an ingest service proves who imports", async () => {
  const other = await service.provision();
  await service.hire(other, "ada");
  const key = await createKey("k1");
  const jwks = await startJwks([key.jwk]);
  const guarded = await startTestService({}, service.database, tokenSettings({ WELLVAULT_JWKS_URL: jwks.url }));
  try {
    const args = toFhir(bundle, "--address", guarded.address, "--tenant", other);
    const runAs = async (role: "ingest_service" | "company_admin") =>
      await runImport(args, { WELLVAULT_TOKEN: await key.sign(caller(role, other)) });
    const admin = await runAs("company_admin");
    expect(admin).toMatchObject({ status: 1, stdout: "" });
    expect(admin.stderr).toContain("The call failed (PermissionDenied)");
    expect(await readdir(folder)).not.toContain("progress.json");
    expect((await runAs("ingest_service")).stdout).toContain("19 inserted");
  } finally {
    await guarded.close();
    await jwks.close();
  }
});
