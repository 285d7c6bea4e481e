/**
 * Writes sql/verify/builtin-functions.json, the sums of PostgreSQL's own functions, from a fresh server of each
 * version that the tests run on. Run it when one of them changes: `node tools/verify-builtins.ts`. Sums of other
 * versions stay. `npm run test:versions` installs the versions.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmbeddedServer } from "../src/database/embedded-server.ts";
import { migrateControl } from "../src/database/migrations.ts";
import { deriveTokenKey } from "../src/database/token-key.ts";
import { kindRows } from "../src/metrics/kind-rows.ts";
import { builtinFunctionsFile } from "../src/verify/expectation.ts";
import { prelude } from "../src/verify/prelude.ts";
import { packagesOf, versions } from "../test/support/versions.ts";

const sums = JSON.parse(await readFile(builtinFunctionsFile, "utf8")) as Record<string, string>;
for (const version of versions) {
  const folder = await mkdtemp(join(tmpdir(), "wellvault-builtins-"));
  const server = await startEmbeddedServer({ folder, disposable: true, programsFrom: packagesOf(version) });
  try {
    await migrateControl(server.url, {
      loginSecret: undefined,
      tokenKey: deriveTokenKey("builtins"),
      metricKinds: kindRows,
    });
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    // The names of functions are told without their schema, as to the auditor.
    await admin.query("set search_path = ''");
    const text = `${await prelude()} one as (select * from builtin_sum) select version, sum from one`;
    const { rows } = await admin.query<{ version: string; sum: string }>(text, ["{}"]);
    await admin.end();
    for (const row of rows) sums[row.version] = row.sum;
  } finally {
    await server.stop("immediate");
    await rm(folder, { recursive: true, force: true });
  }
}
await writeFile(builtinFunctionsFile, `${JSON.stringify(sums, Object.keys(sums).sort(), 2)}\n`);
process.stdout.write(`Wrote ${builtinFunctionsFile}\n`);
