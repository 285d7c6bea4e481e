import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type VerificationReport, VerificationResult } from "../../src/gen/wellvault/v1/verification_pb.ts";
import {
  VerificationService,
  type VerifyIsolationResponse,
} from "../../src/gen/wellvault/v1/verification_service_pb.ts";
import { roles } from "../../src/identity/principal.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let manager: Http2SessionManager;
let verification: ReturnType<typeof createClient<typeof VerificationService>>;

beforeAll(async () => {
  service = await startTestService();
  await service.provision("acme");
  manager = new Http2SessionManager(service.address);
  verification = createClient(
    VerificationService,
    createGrpcTransport({ baseUrl: service.address, sessionManager: manager }),
  );
});
afterAll(async () => {
  manager?.abort();
  await service?.close();
});

async function all(stream: AsyncIterable<VerifyIsolationResponse>): Promise<VerifyIsolationResponse[]> {
  const messages: VerifyIsolationResponse[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

async function reportOf(seed = ""): Promise<VerificationReport> {
  const last = (await all(verification.verifyIsolation({ seed }, as("auditor")))).at(-1)?.event;
  if (last?.case !== "report") throw new Error("no report came");
  return last.value;
}

const checkOf = (report: VerificationReport, id: string) => report.checks.find((check) => check.checkId === id);

test("an auditor is told how far it is, and at the end what was found", async () => {
  const messages = await all(verification.verifyIsolation({ seed: "abc" }, as("auditor")));
  expect(messages.slice(0, -1).every(({ event }) => event.case === "progress")).toBe(true);
  const last = messages.at(-1)?.event;
  if (last?.case !== "report") throw new Error("no report came");
  const report = last.value;
  const { length: tenantMigration } = await readdir(join(import.meta.dirname, "../../sql/tenant"));
  expect(report).toMatchObject({ seed: "abc", calledTenantIds: ["acme"], companyCount: 2, tenantMigration });
  expect(report.digest).toMatch(/^[0-9a-f]{64}$/);
  // What belongs to the whole server may be another test's.
  for (const id of ["isolation", "row-security", "policies", "control-functions", "canary-token", "canary-service"]) {
    expect(checkOf(report, id)).toMatchObject({ result: VerificationResult.PASSED, findings: [] });
  }
});

test("a hole is told with its tenant", async () => {
  const { admin } = service.database;
  const { rows } = await admin.query<{ vault: string }>("select vault from control.companies where tenant_id = 'acme'");
  await admin.query(`alter table ${rows[0]?.vault}.samples disable row level security`);
  const report = await reportOf();
  await admin.query(`alter table ${rows[0]?.vault}.samples enable row level security`);
  expect(report.result).toBe(VerificationResult.FAILED);
  expect(checkOf(report, "row-security")).toMatchObject({
    result: VerificationResult.FAILED,
    findingCount: 1,
    findings: [{ tenantId: "acme", problem: "row level security is off" }],
  });
});

test("nobody else may", async () => {
  for (const role of roles.filter((one) => one !== "auditor")) {
    const caller = as(role, "acme", role === "employee" ? crypto.randomUUID() : undefined);
    expect(await failureOf(all(verification.verifyIsolation({}, caller)))).toMatchObject({
      code: "PermissionDenied",
      reason: "ACCESS_DENIED",
    });
  }
});

test("the request is validated, as in every call", async () => {
  expect(await failureOf(all(verification.verifyIsolation({ seed: "a b" }, as("auditor"))))).toMatchObject({
    code: "InvalidArgument",
    fields: ["seed"],
  });
});

test("one runs at a time, and one that is cancelled makes room", async () => {
  const first = new AbortController();
  const stream = verification.verifyIsolation({}, { ...as("auditor"), signal: first.signal })[Symbol.asyncIterator]();
  const progress = await stream.next();
  expect(progress.value?.event.case).toBe("progress");
  expect(await failureOf(all(verification.verifyIsolation({}, as("auditor"))))).toMatchObject({
    code: "ResourceExhausted",
    reason: "OVERLOADED",
  });
  first.abort();
  await expect(stream.next()).rejects.toThrow();
  await expect
    .poll(
      async () =>
        await reportOf().then(
          () => true,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true);
});

test("an error of the database tells nothing of itself", async () => {
  const { admin, url } = service.database;
  const database = new URL(url).pathname.slice(1);
  await admin.query(`revoke connect on database ${database} from wellvault_auditor`);
  const failure = await failureOf(all(verification.verifyIsolation({}, as("auditor"))));
  await admin.query(`grant connect on database ${database} to wellvault_auditor`);
  expect(failure).toMatchObject({ code: "Internal", reason: "INTERNAL" });
});
