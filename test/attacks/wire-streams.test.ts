import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import type { ExportEmployeeResponse } from "../../src/gen/wellvault/v1/privacy_service_pb.ts";
import { apiServices } from "../../src/rpc/services.ts";
import { envelope, responseOf } from "../support/wire.ts";
import { attackSuite } from "./support/attack.ts";
import { describeFailure, evidenceOf } from "./support/outcome.ts";
import { type ApiCall, apiCalls, isOfPlatform, tenantCalls } from "./wire/calls.ts";
import { answerOf } from "./wire/raw-call.ts";
import { openStage, type Stage } from "./wire/stage.ts";
import { heard, type ReflectionRequest, reflect } from "./wire/streams.ts";

let stage: Stage;
let transport: Transport;
/** Metadata of A's own caller that names B. */
let namingB: Record<string, string>;
beforeAll(async () => {
  stage = await openStage();
  transport = createGrpcTransport({ baseUrl: stage.address });
  namingB = { ...stage.a.badges.admin.headers, "x-tenant-id": stage.b.tenantId };
});
afterAll(() => stage.close());

const { attack, control, complete } = attackSuite(() => stage);

/** Whether anything of a company, A's or B's, is in what was told. */
function tells(told: unknown): string {
  const text = evidenceOf(told);
  const found = [stage.a, stage.b].flatMap(({ marker, vault, companyId, employeeId }) =>
    [marker, vault, companyId, employeeId].filter((secret) => text.includes(secret)),
  );
  return found.length === 0 ? "nothing of a tenant" : found.join();
}

/** The same of an export, whose parts hold text as bytes. */
function tellsInParts(told: unknown): string {
  const parts = (Array.isArray(told) ? told : []).map((one: Partial<ExportEmployeeResponse>) =>
    one.content?.case === "part" ? Buffer.from(one.content.value.data).toString() : "",
  );
  return tells([told, parts.join("")]);
}

const streams = apiCalls.filter(({ method }) => method.methodKind !== "unary");
const isOfMany = ({ method }: ApiCall) => method.methodKind === "bidi_streaming";

attack({
  id: "R24",
  title: "B in the metadata of streams, and in what follows a request's body",
  expected: "nothing of a tenant",
  async run(attempt) {
    for (const call of streams.filter((one) => !isOfPlatform(one))) {
      const { headers } = stage.a.badges[call.badge];
      for (const tenantId of [stage.a.tenantId, stage.b.tenantId]) {
        const badge = { headers: { ...headers, "x-tenant-id": tenantId } };
        const open = () => stage.call(stage.callers["grpc-js"], call, call.request(stage.b), badge);
        await attempt(call.name, () => open().catch((error: unknown) => [describeFailure(error), error]), tellsInParts);
      }
    }
    for (const call of streams.filter(isOfPlatform)) {
      const open = () => stage.call(stage.callers["grpc-js"], call, {}, { headers: namingB });
      await attempt(call.name, () => open().catch((error: unknown) => [describeFailure(error), error]), tells);
    }
    const health = createClient(Health, transport);
    const reflection = createClient(ServerReflection, transport);
    const list = [{ case: "listServices", value: stage.a.tenantId }] as const;
    await attempt("Health.Watch", () => heard(namingB, (options) => health.watch({ service: "" }, options)), tells);
    await attempt(
      "ServerReflectionInfo",
      () => heard(namingB, (options) => reflection.serverReflectionInfo(reflect(list), options)),
      // A question is answered together with the question.
      (told) =>
        tells(
          JSON.parse(
            JSON.stringify(told, (key, value: unknown) =>
              key === "originalRequest" ? 0 : typeof value === "bigint" ? 0 : value,
            ),
          ),
        ),
    );
    const call = tenantCalls.find(({ name }) => name === "ListEmployees");
    if (!call) throw new Error("unreachable: R01 checks that every method is there");
    await attempt(
      "trailers of a request",
      async () => answerOf(await sendWithTrailers(namingB)),
      ({ outcome, told }) => {
        expect(outcome).toBe("OK");
        // A's own rows, as if nothing had followed.
        expect(String(told)).toContain(`name-${stage.a.marker}`);
        return String(told).includes(stage.b.marker) ? "B's rows" : "nothing of a tenant";
      },
    );
  },
});

control({
  id: "R24",
  without: "the badge of somebody else, for the streams that read",
  effect: "reads B",
  async run(attempt) {
    for (const call of streams.filter((one) => !isOfPlatform(one) && !isOfMany(one))) {
      const open = () => stage.call(stage.callers["grpc-js"], call, call.request(stage.b), stage.b.badges[call.badge]);
      await attempt(call.name, open, (told) =>
        tellsInParts(told).includes(stage.b.marker) ? "reads B" : "reads nothing",
      );
    }
  },
});

control({
  id: "R24",
  without: "the badge of somebody else, for the streams that write",
  effect: "changes B",
  async run(attempt) {
    for (const call of streams.filter(isOfMany)) {
      const open = () => stage.call(stage.callers["grpc-js"], call, call.request(stage.b), stage.b.badges[call.badge]);
      await attempt(call.name, open);
    }
  },
});

/** Lists A's employees by a request whose body is followed by trailers. */
async function sendWithTrailers(trailers: Record<string, string>) {
  const stream = stage.wire.session.request(
    {
      ":method": "POST",
      ":path": `/${EmployeeService.typeName}/ListEmployees`,
      "content-type": "application/grpc",
      ...stage.a.badges.admin.headers,
    },
    { waitForTrailers: true } as never,
  );
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  const response = responseOf(stream);
  stream.end(envelope(new Uint8Array()));
  return await response;
}

attack({
  id: "R25",
  title: "reflection, health, and paths that servers often have",
  expected: "nothing of a tenant",
  async run(attempt) {
    const reflection = createClient(ServerReflection, transport);
    const symbols = apiServices.flatMap((service) => [
      service.typeName,
      ...service.methods.flatMap(({ input, output }) => [input.typeName, output.typeName]),
    ]);
    const requests: ReflectionRequest[] = [
      { case: "listServices", value: "" },
      ...symbols.map((value): ReflectionRequest => ({ case: "fileContainingSymbol", value })),
    ];
    await attempt(
      "reflection",
      async () => {
        const files: unknown[] = [];
        for await (const answer of reflection.serverReflectionInfo(reflect(requests))) {
          files.push(answer);
          const { messageResponse: response } = answer;
          if (response.case !== "fileDescriptorResponse") continue;
          for (const bytes of response.value.fileDescriptorProto) {
            files.push(Buffer.from(bytes).toString("latin1"), fromBinary(FileDescriptorProtoSchema, bytes).name);
          }
        }
        expect(files.length).toBeGreaterThan(symbols.length);
        return files;
      },
      tells,
    );
    const health = createClient(Health, transport);
    for (const service of [
      "",
      ...apiServices.map(({ typeName }) => typeName),
      "control",
      stage.b.vault,
      stage.b.tenantId,
    ]) {
      const answer = () => health.check({ service }).catch((error: unknown) => [describeFailure(error), String(error)]);
      await attempt(`health of ${service}`, answer, tells);
    }
    for (const path of [
      "/",
      "/metrics",
      "/healthz",
      "/debug/pprof",
      "/tenants",
      `/${stage.b.tenantId}`,
      "/.env",
      "/control.companies",
    ]) {
      for (const type of ["application/json", "application/grpc"]) {
        const ask = async () => {
          const { status, headers, body } = await stage.wire.send(path, { "content-type": type, ...namingB });
          expect(status === 404 || type === "application/grpc").toBe(true);
          return { headers: [...headers], body: body.toString() };
        };
        await attempt(path, ask, tells);
      }
    }
  },
});

control({
  id: "R25",
  without: "the roles' rules, for the platform's operator",
  effect: "reads B",
  async run(attempt) {
    const call = apiCalls.find(({ name }) => name === "GetTenant");
    if (!call) throw new Error("unreachable: R01 checks that every method is there");
    const ask = () => stage.call(stage.callers["grpc-js"], call, call.request(stage.b), stage.b.badges.operator);
    await attempt("GetTenant", ask, tells);
  },
});

complete();
