import { afterAll, beforeAll, expect } from "vitest";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { openCaller } from "../support/callers.ts";
import { as } from "../support/clients.ts";
import { type RawHeader, sendFrames } from "../support/http2-frames.ts";
import { caller as claimsOf, createKey } from "../support/tokens.ts";
import { attackSuite } from "./support/attack.ts";
import { type ApiCall, apiCalls, isOfPlatform, tenantCalls } from "./wire/calls.ts";
import { readByDevelopmentIdentity } from "./wire/development.ts";
import { everyTenantCall } from "./wire/every-call.ts";
import { bearer } from "./wire/issuer.ts";
import { openStage, type Stage } from "./wire/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const { attack, control, complete } = attackSuite(() => stage);

/** How a call as JSON ended that was sent and answered in raw frames. */
function rawOutcome(frames: string): string {
  const code = /"code":"([a-z_]+)"/.exec(frames)?.[1];
  return code?.toUpperCase() ?? (frames.includes("{") ? "allowed" : "no answer");
}

/** Lists the employees by frames made by hand. */
async function listByFrames(headers: readonly RawHeader[]): Promise<string> {
  const path = `/${EmployeeService.typeName}/ListEmployees`;
  return await sendFrames(stage.address, path, [["content-type", "application/json"], ...headers]);
}

attack({
  id: "R05",
  title: "A's token and B in the request",
  expected: "PERMISSION_DENIED",
  knows: () => [stage.b.marker],
  async run(attempt) {
    for (const badge of ["admin", "person", "ingest"] as const) {
      await everyTenantCall(stage, attempt, () => stage.a.badges[badge], stage.b, apiCalls.filter(isOfPlatform));
    }
  },
});

attack({
  id: "R06",
  title: "metadata sent twice: two tokens, two tenants, joined or apart",
  expected: "UNAUTHENTICATED",
  async run(attempt) {
    const own = ["authorization", stage.a.badges.admin.headers["authorization"] ?? ""] as const;
    const forged = ["authorization", `Bearer ${await (await createKey("first")).sign({})}`] as const;
    const [ofA, ofB] = [stage.a, stage.b].map(({ tenantId }) => ["x-tenant-id", tenantId] as const);
    if (!ofA || !ofB) throw new Error("unreachable: there are two companies");
    for (const headers of [
      [own, own],
      [own, forged],
      [forged, own],
      [own, ofA, ofB],
      [own, ofB, ofA],
      [own, ofA, ofA],
      [own, ["x-tenant-id", `${stage.a.tenantId},${stage.b.tenantId}`] as const],
      [["authorization", `${own[1]}, ${own[1]}`] as const],
    ]) {
      const what = headers.map(([name]) => name).join(" and ");
      await attempt(what, () => listByFrames(headers), rawOutcome);
    }
  },
});

attack({
  id: "R07",
  title: "B in the metadata, and only A in the token",
  expected: "PERMISSION_DENIED",
  async run(attempt) {
    const naming = (tenantId: string) => async (call: ApiCall) => ({
      headers: { ...stage.a.badges[call.badge].headers, "x-tenant-id": tenantId },
    });
    await everyTenantCall(stage, attempt, naming(stage.b.tenantId), stage.b);
    // One that there is not is refused in the same words.
    const before = stage.failures.length;
    await everyTenantCall(stage, attempt, naming("never-was"), stage.b);
    const words = new Set(stage.failures.slice(before - tenantCalls.length).map(({ message }) => message));
    expect(words.size).toBe(1);
  },
});

attack({
  id: "R08",
  title: "odd spellings of a tenant's id, in the metadata and in the token",
  expected: "PERMISSION_DENIED",
  async run(attempt) {
    const list = apiCalls.filter(({ name }) => name === "ListEmployees");
    for (const id of [stage.a.tenantId, stage.b.tenantId]) {
      for (const odd of [
        id.toUpperCase(),
        id.replace("a", "A"),
        `${id}.`,
        `${id}/`,
        `./${id}`,
        `"${id}"`,
        `'${id}'--`,
        `${id}%00`,
        encodeURIComponent(id).replace("-", "%2d"),
        "*",
        "control",
      ]) {
        const headers = { ...stage.a.badges.admin.headers, "x-tenant-id": odd };
        await everyTenantCall(stage, attempt, () => ({ headers }), stage.a, list);
        if (odd === "*") continue;
        const token = await stage.issuer.key.sign(claimsOf("company_admin", [odd]));
        await everyTenantCall(stage, attempt, () => bearer(token, { "x-tenant-id": id }), stage.a, list);
        await everyTenantCall(stage, attempt, () => bearer(token), stage.a, list);
      }
      const authorization = stage.a.badges.admin.headers["authorization"] ?? "";
      for (const odd of [id.replace("-", "\u00ad"), id.replace("a", "\u00e0"), `${id}\u00a0`, `${id}\u0085`]) {
        const headers: RawHeader[] = [
          ["authorization", authorization],
          ["x-tenant-id", odd],
        ];
        await attempt(`raw ${odd}`, () => listByFrames(headers), rawOutcome);
      }
    }
  },
});

control({
  id: "R05",
  without: "verified credentials, by the development identity",
  effect: "reads B",
  async run(attempt) {
    const service = await stage.startAnother({}, { mode: "development", forced: false });
    const caller = openCaller(service.address, "grpc");
    const { tenantId } = stage.b;
    await attempt("GetTenant", () =>
      caller.call(TenantService.method.getTenant, { tenantId }, as("platform_operator")).finally(() => caller.close()),
    );
  },
});

control({
  id: "R07",
  without: "verified credentials, by the development identity",
  effect: "reads B",
  run: (attempt) => readByDevelopmentIdentity(stage, attempt),
});

complete();
