import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { positiveTtlMs } from "../../src/tenancy/directory.ts";
import type { Caller } from "../support/callers.ts";
import { openGrpcJsSampleStream, type SampleStream, storedOf } from "../support/sample-streams.ts";
import { sample } from "../support/samples.ts";
import { attackSuite } from "./support/attack.ts";
import { describeFailure } from "./support/outcome.ts";
import { tenantCalls } from "./wire/calls.ts";
import type { Company } from "./wire/company.ts";
import { everyTenantCall } from "./wire/every-call.ts";
import { rotateKeys } from "./wire/rotate-keys.ts";
import { openStage, type Stage } from "./wire/stage.ts";
import { provisionAndUse, rowsOf } from "./wire/vault-use.ts";

let stage: Stage;
let suspended: Company;
let erased: Company;
/** When both were taken away. */
let takenAt: number;
/** What was told by a stream that was open all the while. */
const streamed: unknown[] = [];
const endStream = new AbortController();
/** Streams of samples that were opened, and used, before. */
let writing: SampleStream;
let writingToErased: SampleStream;

beforeAll(async () => {
  stage = await openStage();
  suspended = await stage.settle("sleepy");
  erased = await stage.settle("gone");
});
afterAll(async () => {
  endStream.abort();
  writing?.cancel();
  writingToErased?.cancel();
  await stage.close();
});

const { attack, control, complete } = attackSuite(() => stage);

async function rosterOf(caller: Caller, { badges }: Company): Promise<string[]> {
  const { employees } = await caller.call(EmployeeService.method.listEmployees, {}, badges.admin);
  return employees.map(({ displayName }) => displayName);
}

const secondBatch = ({ employeeId }: Company) => ({ batchNumber: 2n, employeeId, samples: [sample({ version: 9n })] });

control({
  id: "R17",
  without: "the suspension",
  effect: "sees its own",
  async run(attempt) {
    const caller = stage.callers["grpc-js"];
    await attempt(
      "ListEmployees",
      () => rosterOf(caller, suspended),
      (names) => (names.every((name) => name === `name-${suspended.marker}`) ? "sees its own" : names.join()),
    );
    const open = async (company: Company) => {
      const stream = openGrpcJsSampleStream(stage.address, company.badges.ingest);
      await attempt(
        "StreamSamples",
        () => stream.put({ ...secondBatch(company), batchNumber: 1n, samples: [sample()] }),
        (response) => (storedOf(response).insertedCount === 1 ? "sees its own" : "stored nothing"),
      );
      return stream;
    };
    writing = await open(suspended);
    writingToErased = await open(erased);
    const health = createClient(Health, createGrpcTransport({ baseUrl: stage.address }));
    const options = { signal: endStream.signal, headers: suspended.badges.admin.headers };
    void (async () => {
      for await (const answer of health.watch({ service: EmployeeService.typeName }, options)) streamed.push(answer);
    })().catch(() => undefined);
    await expect.poll(() => streamed.length).toBe(1);
    const { admin } = stage.database;
    await admin.query("update control.companies set state = 'SUSPENDED' where company_id = $1", [suspended.companyId]);
    await admin.query(`drop schema ${erased.vault} cascade; drop owned by ${erased.vault}; drop role ${erased.vault}`);
    await admin.query("delete from control.companies where company_id = $1", [erased.companyId]);
    takenAt = performance.now();
    // For some seconds the directory still has the erased one: what is gone must not become anybody else's.
    for (const { method, request, badge } of tenantCalls) {
      const answer = stage.callers["grpc-js"].call(method, request(erased) as never, erased.badges[badge]);
      expect(await answer.then(() => "allowed", describeFailure)).toBe("PERMISSION_DENIED");
    }
    expect(await writingToErased.put(secondBatch(erased)).then(() => "allowed", describeFailure)).toBe(
      "PERMISSION_DENIED",
    );
  },
});

attack({
  id: "R27",
  title: "odd ids for a new company: words of SQL, schemas, quotes, too long by one",
  expected: "refused, or a vault of its own",
  async run(attempt) {
    const long = `l${"o".repeat(61)}ng`.slice(0, 63);
    const odd = [
      ...[
        "control",
        "guard",
        "public",
        "pg-catalog",
        "information-schema",
        "wellvault-owner",
        "null",
        "select",
        "xn--a",
      ],
      ...[long, `${long}x`, `${long.slice(0, 62)}y`, "a--b", "constructor", "hasownproperty"],
      ...[
        "Acme",
        "a_b",
        "a",
        "-ab",
        "ab-",
        "a'; drop schema control cascade; --",
        '"',
        "a b",
        "ünïcode",
        "a\u200bb",
        "..",
        "*",
      ],
      stage.b.vault,
      stage.b.tenantId.toUpperCase(),
    ];
    const clients = Object.values(stage.callers);
    for (const [index, tenantId] of odd.entries()) {
      const caller = clients[index % clients.length];
      if (caller)
        await attempt(
          tenantId,
          () => provisionAndUse(stage, caller, tenantId),
          (outcome) => outcome,
        );
    }
    const { rows } = await stage.database.admin.query<{ vault: string }>(
      "select vault::text as vault from control.companies",
    );
    for (const { vault } of rows) expect(vault).toMatch(/^v_[0-9a-f]{16}$/);
    expect(new Set(rows.map(({ vault }) => vault)).size).toBe(rows.length);
  },
});

attack({
  id: "R28",
  title: "B's id and external id for a new company, many times at once",
  expected: "ALREADY_EXISTS",
  knows: () => [stage.b.marker],
  async run(attempt) {
    const { operator } = stage.a.badges;
    const clients = Object.values(stage.callers);
    const provision = (index: number, request: { tenantId: string; displayName: string }) => {
      const caller = clients[index % clients.length] as Caller;
      return stage.noted(caller.call(TenantService.method.provisionTenant, request, operator));
    };
    const twelve = Array.from({ length: 12 }, (_, index) => index);
    const request = { tenantId: stage.b.tenantId, displayName: "Taken over" };
    await Promise.all(twelve.map((index) => attempt(`B's id, ${index}`, () => provision(index, request))));
    // The same new company at once is made once.
    const fresh = { tenantId: `t-${randomUUID()}`, displayName: "Fresh" };
    const answers = await Promise.all(twelve.map((index) => provision(index, fresh)));
    expect(answers.filter(({ created }) => created).length).toBe(1);
    // And of twelve with different names one wins.
    const slug = `t-${randomUUID()}`;
    const rivals = await Promise.allSettled(
      twelve.map((index) => provision(index, { tenantId: slug, displayName: `Rival ${index}` })),
    );
    expect(rivals.filter(({ status }) => status === "fulfilled").length).toBe(1);
    for (const rival of rivals) {
      if (rival.status === "rejected") expect(describeFailure(rival.reason)).toBe("ALREADY_EXISTS");
    }
  },
});

attack({
  id: "R29",
  title: "credentials and tenant tokens whose keys were retired",
  expected: "served while both keys are there, then UNAUTHENTICATED and INTERNAL",
  async run(attempt) {
    await attempt(
      "rotation",
      () => rotateKeys(stage),
      ({ words }) => words,
    );
  },
});

attack({
  id: "R18",
  title: "calls for a company that was erased, and for B with its credentials",
  expected: "PERMISSION_DENIED",
  async run(attempt) {
    await sleep(takenAt + positiveTtlMs + 200 - performance.now());
    await everyTenantCall(stage, attempt, ({ badge }) => erased.badges[badge], erased);
    await everyTenantCall(stage, attempt, ({ badge }) => erased.badges[badge], stage.b);
  },
});

attack({
  id: "R17",
  title: "calls for a company that was suspended, and streams that were open before",
  expected: "PERMISSION_DENIED",
  async run(attempt) {
    const before = await rowsOf(stage, suspended);
    await everyTenantCall(stage, attempt, ({ badge }) => suspended.badges[badge], suspended);
    await attempt("StreamSamples, open before", () => stage.noted(writing.put(secondBatch(suspended))));
    expect(await rowsOf(stage, suspended)).toBe(before);
    // The stream of health goes on, for it belongs to no tenant, and has told nothing of one.
    expect(streamed.length).toBe(1);
    expect(JSON.stringify(streamed)).not.toContain(suspended.marker);
  },
});

complete();
