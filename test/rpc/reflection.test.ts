import {
  create,
  createFileRegistry,
  type DescMethodUnary,
  type FileRegistry,
  fromBinary,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from "../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "../../src/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { openCaller } from "../support/callers.ts";
import { as } from "../support/clients.ts";
import { startTestService, type TestService } from "../support/service.ts";

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>;

let service: TestService;
let versions: Record<string, Client<typeof ServerReflection>>;
beforeAll(async () => {
  service = await startTestService();
  const transport = createGrpcTransport({ baseUrl: service.address });
  versions = {
    v1: createClient(ServerReflection, transport),
    // The two versions have the same messages under another package.
    v1alpha: createClient(ServerReflectionV1Alpha, transport) as unknown as Client<typeof ServerReflection>,
  };
});
afterAll(() => service.close());

/** Asks all questions in one stream and returns what was answered, in order. */
async function ask(version: string, ...questions: Question[]): Promise<ServerReflectionResponse["messageResponse"][]> {
  const requests = (async function* () {
    for (const messageRequest of questions) yield { host: "test", messageRequest };
  })();
  const answers: ServerReflectionResponse["messageResponse"][] = [];
  for await (const response of versions[version]?.serverReflectionInfo(requests) ?? []) {
    expect(response.validHost).toBe("test");
    expect(response.originalRequest?.messageRequest).toMatchObject(questions[answers.length] ?? {});
    answers.push(response.messageResponse);
  }
  expect(answers.length).toBe(questions.length);
  return answers;
}

/** The names of the files in an answer; the file asked for comes first. */
function filesOf(answer: ServerReflectionResponse["messageResponse"] | undefined): string[] {
  if (answer?.case !== "fileDescriptorResponse") throw new Error(`answered ${answer?.case}`);
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

function registryOf(answer: ServerReflectionResponse["messageResponse"] | undefined): FileRegistry {
  if (answer?.case !== "fileDescriptorResponse") throw new Error(`answered ${answer?.case}`);
  const files = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  // A registry wants each file after those that it imports; every one of them must be in the answer.
  const file: FileDescriptorProto[] = [];
  const add = (name: string): void => {
    if (file.some((one) => one.name === name)) return;
    const found = files.find((one) => one.name === name);
    if (!found) throw new Error(`${name} is missing in the answer`);
    found.dependency.forEach(add);
    file.push(found);
  };
  add(files[0]?.name ?? "");
  return createFileRegistry(create(FileDescriptorSetSchema, { file }));
}

const symbol = (value: string): Question => ({ case: "fileContainingSymbol", value });

test.each(["v1", "v1alpha"])("%s lists every service and nothing else", async (version) => {
  const [answer] = await ask(version, { case: "listServices", value: "*" });
  if (answer?.case !== "listServicesResponse") return expect.fail(`answered ${answer?.case}`);
  expect(answer.value.service.map((one) => one.name).sort()).toEqual([
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

test.each(["v1", "v1alpha"])("%s finds the file of every kind of symbol", async (version) => {
  const expected: [name: string, file: string][] = [
    ["wellvault.v1.EmployeeService", "wellvault/v1/employee_service.proto"],
    [".wellvault.v1.EmployeeService", "wellvault/v1/employee_service.proto"],
    ["wellvault.v1.EmployeeService.GetEmployee", "wellvault/v1/employee_service.proto"],
    ["wellvault.v1.Employee", "wellvault/v1/employee.proto"],
    ["wellvault.v1.Employee.external_id", "wellvault/v1/employee.proto"],
    ["wellvault.v1.LogEntry.detail", "wellvault/v1/log_entry.proto"],
    ["wellvault.v1.TenantState", "wellvault/v1/tenant.proto"],
    ["wellvault.v1.TENANT_STATE_ACTIVE", "wellvault/v1/tenant.proto"],
    ["wellvault.v1.ErrorReason", "wellvault/v1/error_reason.proto"],
    ["google.rpc.BadRequest.FieldViolation", "google/rpc/error_details.proto"],
    ["google.rpc.BadRequest.FieldViolation.field", "google/rpc/error_details.proto"],
    ["google.protobuf.Timestamp", "google/protobuf/timestamp.proto"],
    ["buf.validate.field", "buf/validate/validate.proto"],
    ["grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"],
    ["grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"],
  ];
  const answers = await ask(version, ...expected.map(([name]) => symbol(name)));
  for (const [index, [name, file]] of expected.entries()) expect(filesOf(answers[index])[0], name).toBe(file);
});

test.each(["v1", "v1alpha"])("%s finds files by name and by extension", async (version) => {
  const [file, extension, numbers, none] = await ask(
    version,
    { case: "fileByFilename", value: "wellvault/v1/metric.proto" },
    {
      case: "fileContainingExtension",
      value: { containingType: "google.protobuf.FieldOptions", extensionNumber: 1159 },
    },
    { case: "allExtensionNumbersOfType", value: "google.protobuf.FieldOptions" },
    { case: "allExtensionNumbersOfType", value: "wellvault.v1.Employee" },
  );
  expect(filesOf(file)[0]).toBe("wellvault/v1/metric.proto");
  expect(filesOf(extension)[0]).toBe("buf/validate/validate.proto");
  expect(numbers?.value).toMatchObject({ baseTypeName: "google.protobuf.FieldOptions" });
  expect(numbers?.case === "allExtensionNumbersResponse" && numbers.value.extensionNumber).toContain(1159);
  expect(none?.value).toMatchObject({ baseTypeName: "wellvault.v1.Employee", extensionNumber: [] });
});

test.each(["v1", "v1alpha"])("%s answers in band what it does not know, and goes on", async (version) => {
  const unknown: Question[] = [
    symbol("wellvault.v1.Salary"),
    symbol(""),
    symbol("wellvault.v1"),
    symbol("__proto__"),
    { case: "fileByFilename", value: "/etc/passwd" },
    { case: "fileContainingExtension", value: { containingType: "wellvault.v1.Employee", extensionNumber: -1 } },
    { case: "allExtensionNumbersOfType", value: "wellvault.v1.Salary" },
  ];
  const answers = await ask(version, ...unknown, symbol("wellvault.v1.Employee"));
  for (const answer of answers.slice(0, -1)) {
    expect(answer).toMatchObject({ case: "errorResponse", value: { errorCode: 5 } });
  }
  expect(answers.at(-1)?.case).toBe("fileDescriptorResponse");
});

test("a request that asks nothing is answered in band", async () => {
  const [answer] = await ask("v1", { case: undefined } as never);
  expect(answer).toMatchObject({ case: "errorResponse", value: { errorCode: 3 } });
});

test("a stream takes a thousand questions", async () => {
  const answers = await ask("v1", ...Array.from({ length: 1_000 }, () => symbol("google.protobuf.Timestamp")));
  expect(answers.every((answer) => answer.case === "fileDescriptorResponse")).toBe(true);
});

test("every service can be rebuilt from one answer, and a method called with it", async () => {
  const [list] = await ask("v1", { case: "listServices", value: "" });
  const names = list?.case === "listServicesResponse" ? list.value.service.map((one) => one.name) : [];
  const answers = await ask("v1", ...names.map(symbol));
  for (const [index, name] of names.entries()) {
    expect(registryOf(answers[index]).getService(name)?.methods.length).toBeGreaterThan(0);
  }
  const registry = registryOf(answers[names.indexOf("wellvault.v1.TenantService")]);
  const method = registry.getService("wellvault.v1.TenantService")?.method["provisionTenant"] as DescMethodUnary;
  const request = reflect(method.input);
  request.set(method.input.field["tenantId"] as never, "reflected");
  request.set(method.input.field["displayName"] as never, "Reflected Inc.");
  const caller = openCaller(service.address, "grpc");
  const response = reflect(method.output, await caller.call(method, request.message, as("platform_operator")));
  expect(response.get(method.output.field["created"] as never)).toBe(true);
  caller.close();
});
