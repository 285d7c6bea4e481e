import { execFile } from "node:child_process";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { startTestService, type TestService } from "../support/service.ts";

const buf = join(import.meta.dirname, "../../node_modules/.bin/buf");

let service: TestService;
/** Another service over the same database, which serves everything by Connect. */
let connect: TestService;
beforeAll(async () => {
  service = await startTestService();
  connect = await startTestService({ leanUnary: false }, service.database);
});
afterAll(async () => {
  await connect.close();
  await service.close();
});

/** Runs `buf curl` the way the README shows it: without any .proto file, so by reflection. */
async function curl(
  { address }: TestService,
  path: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return await new Promise((done) => {
    execFile(buf, ["curl", "--http2-prior-knowledge", ...args, address + path], (error, stdout, stderr) =>
      done({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

test("buf curl lists the services", async () => {
  const { stdout } = await curl(service, "", "--list-services");
  expect(stdout.trim().split("\n").sort()).toEqual([
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "wellvault.v1.EmployeeLogService",
    "wellvault.v1.EmployeeService",
    "wellvault.v1.MetricService",
    "wellvault.v1.PrivacyService",
    "wellvault.v1.TenantService",
    "wellvault.v1.VerificationService",
  ]);
});

test("buf curl lists the methods", async () => {
  const { stdout } = await curl(service, "", "--list-methods");
  expect(stdout).toContain("wellvault.v1.EmployeeLogService/PutLogEntry");
  expect(stdout).toContain("wellvault.v1.TenantService/ProvisionTenant");
});

test.each([
  ["grpc", true],
  ["grpc", false],
  ["grpcweb", true],
  ["connect", true],
])("buf curl calls a method by %s (lean: %s)", async (protocol, isLean) => {
  const { stdout, stderr } = await curl(
    isLean ? service : connect,
    "/wellvault.v1.TenantService/ProvisionTenant",
    ...["--protocol", protocol, "-H", "x-role: platform_operator"],
    ...["-d", JSON.stringify({ tenantId: `curl-${protocol}-${isLean}`, displayName: "Curl: 50 % & more" })],
  );
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({ created: true, tenant: { displayName: "Curl: 50 % & more" } });
});

test.each([true, false])(
  "buf curl shows an error with a readable message and its details (lean: %s)",
  async (isLean) => {
    const { code, stderr } = await curl(
      isLean ? service : connect,
      "/wellvault.v1.TenantService/GetTenant",
      ...["--protocol", "grpc", "-H", "x-role: auditor", "-d", '{"tenantId": "no-such-tenant"}'],
    );
    // buf's exit code is the gRPC code times eight.
    expect(code).toBe(5 * 8);
    const { message, details } = JSON.parse(stderr) as { message: string; details: { type: string; value: string }[] };
    expect(message).toBe("There is no Tenant with this id for this caller. Check the id.");
    expect(details.map((detail) => detail.type)).toEqual(["google.rpc.ErrorInfo", "google.rpc.ResourceInfo"]);
    const info = fromBinary(ErrorInfoSchema, Buffer.from(details[0]?.value ?? "", "base64"));
    expect(info).toMatchObject({ reason: "RESOURCE_NOT_FOUND", domain: "wellvault.v1" });
  },
);
