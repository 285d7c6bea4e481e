/**
 * Writes sql/verify/shape.json, what `wellvault verify` compares databases with, from a fresh database. Run it
 * after a new migration: `node tools/verify-shape.ts`. The change of the file shows what the migration changes.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmbeddedServer } from "../src/database/embedded-server.ts";
import { loginUrl } from "../src/database/logins.ts";
import { migrateControl } from "../src/database/migrations.ts";
import { deriveTokenKey } from "../src/database/token-key.ts";
import { kindRows } from "../src/metrics/kind-rows.ts";
import { openAuditorConnection } from "../src/verify/auditor-connection.ts";
import { readShape, shapeFile } from "../src/verify/expectation.ts";

const folder = await mkdtemp(join(tmpdir(), "wellvault-shape-"));
const server = await startEmbeddedServer({ folder, disposable: true });
try {
  await migrateControl(server.url, {
    loginSecret: undefined,
    tokenKey: deriveTokenKey("shape"),
    metricKinds: kindRows,
  });
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query("insert into control.companies (tenant_id, display_name) values ('shape', 'Shape')");
  await admin.end();
  const connection = await openAuditorConnection(loginUrl(server.url, "wellvault_auditor", undefined));
  const shape = await readShape(connection, decodeURIComponent(new URL(server.url).username));
  await connection.close();
  await writeFile(shapeFile, `${JSON.stringify(shape, null, 2)}\n`);
  process.stdout.write(`Wrote ${shapeFile}\n`);
} finally {
  await server.stop("immediate");
  await rm(folder, { recursive: true, force: true });
}
