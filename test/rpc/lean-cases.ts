import { gzipSync } from "node:zlib";
import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import type { MetricSampleSchema } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { roles } from "../../src/identity/principal.ts";
import { envelope } from "../support/wire.ts";

/** A request as it goes over the wire, made by {@link leanCases}. */
export interface LeanCase {
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** What is sent as DATA, frame by frame. */
  readonly chunks: readonly Uint8Array[];
}

/** What the requests speak of: a tenant, an employee of it and an entry of that employee's log. */
export interface LeanCaseFacts {
  readonly tenantId: string;
  readonly employeeId: string;
  readonly entry: { readonly entryId: string; readonly version: bigint; readonly [field: string]: unknown };
  /** A sample that is stored for the employee, in the highest version that there is. */
  readonly sample: MessageInitShape<typeof MetricSampleSchema>;
}

/**
 * Makes requests for unary methods: mostly gRPC, well-formed as often as not, and otherwise damaged in one way
 * or several. Each may be sent again and again and is answered alike each time.
 */
export function leanCases({ tenantId, employeeId, entry, sample }: LeanCaseFacts): fc.Arbitrary<LeanCase> {
  const call = <I extends DescMethodUnary>(method: I, request: MessageInitShape<I["input"]>) => ({
    path: `/${method.parent.typeName}/${method.name}`,
    message: toBinary(method.input, create(method.input, request)),
  });
  const ids = { employeeId };
  const calls = fc.constantFrom(
    call(EmployeeService.method.getEmployee, { key: { case: "employeeId", value: employeeId } }),
    call(EmployeeService.method.getEmployee, { key: { case: "externalId", value: "nobody ñ, 50 %" } }),
    call(EmployeeService.method.getEmployee, {}),
    call(EmployeeService.method.listEmployees, { pageSize: 2 }),
    call(EmployeeService.method.listEmployees, { pageToken: "no token" }),
    call(EmployeeService.method.createEmployee, { employee: { externalId: "E-1" } }),
    call(EmployeeService.method.createEmployee, { employee: { externalId: "", team: "t".repeat(201) } }),
    call(EmployeeLogService.method.getLogEntry, { ...ids, entryId: entry.entryId }),
    call(EmployeeLogService.method.getLogEntry, { ...ids, entryId: "no-such-entry" }),
    call(EmployeeLogService.method.listLogEntries, ids),
    call(EmployeeLogService.method.putLogEntry, { ...ids, entry: entry as never }),
    call(MetricService.method.listMetricKinds, {}),
    call(MetricService.method.putSamples, { ...ids, samples: [sample, sample] }),
    call(MetricService.method.putSamples, { ...ids, samples: [sample, { ...sample, value: -1 }] }),
    call(TenantService.method.getTenant, { tenantId }),
    call(TenantService.method.provisionTenant, { tenantId: "No Slug" }),
    call(Health.method.check, {}),
    call(Health.method.check, { service: "no.such.Service" }),
    call(Health.method.list, {}),
  );
  const none = fc.constant({});
  const identity = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.constantFrom("employee", "company_admin", "auditor", "ingest_service").map((role) => as(role)),
    },
    { weight: 4, arbitrary: fc.constantFrom(...roles).map((role) => as(role)) },
    {
      weight: 4,
      arbitrary: fc.constantFrom<LeanCase["headers"]>(
        {},
        { "x-role": "root" },
        { "x-role": ["employee", "auditor"], "x-tenant-id": tenantId },
        { "x-role": "employee", "x-tenant-id": tenantId },
        { "x-role": "employee", "x-tenant-id": tenantId, "x-employee-id": "me" },
        { "x-role": "company_admin", "x-tenant-id": "no-such-tenant" },
        { "x-role": "company_admin", "x-tenant-id": [tenantId, tenantId] },
        { "x-role": "company_admin", "x-tenant-id": "" },
        { "x-role": "company_admin", "x-tenant-id": `${tenantId},` },
      ),
    },
  );
  function as(role: string): LeanCase["headers"] {
    return { "x-role": role, "x-tenant-id": tenantId, ...(role === "employee" ? { "x-employee-id": employeeId } : {}) };
  }
  const rarely = (name: string, ...values: string[]) =>
    fc.oneof(
      { weight: 60, arbitrary: none },
      { weight: 1, arbitrary: fc.constantFrom(...values).map((value) => ({ [name]: value })) },
    );
  const header = (name: string, ...values: (string | string[])[]) =>
    fc.oneof(
      { weight: 8, arbitrary: none },
      { weight: 2, arbitrary: fc.constantFrom(...values).map((value) => ({ [name]: value })) },
    );
  const type = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom("application/grpc", "application/grpc+proto") },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "application/GRPC",
        "application/grpc+json",
        "application/grpc-web",
        "application/grpc; a=b",
        "application/proto",
        "text/plain",
        "",
      ),
    },
  );
  const extras = fc.tuple(
    header("grpc-timeout", "5S", "99999999H", "0m", "0S", "30000000u", "", "1", "5s", "-1m", "123456789m", [
      "5S",
      "5S",
    ]),
    header("grpc-accept-encoding", "gzip", "br", "identity,deflate,gzip", "identity", "zstd, br", "", ["gzip", "br"]),
    header("te", "trailers"),
    header("x-note-bin", "AAEC/w", "AAEC/w==", ["AAEC", "/w"], "!"),
    header("cookie", ["a=1", "b=2"], "c"),
    header("x-pad", "x".repeat(9_000), "x".repeat(15_000), "x".repeat(17_000), "x".repeat(40_000)),
    rarely("expect", "100-continue", "more"),
    rarely("content-length", "5"),
    fc.oneof(
      { weight: 60, arbitrary: none },
      { weight: 2, arbitrary: fc.constantFrom({ ":method": "GET" }, { ":method": "PUT" }) },
    ),
    fc.oneof(
      { weight: 40, arbitrary: none },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          { ":authority": "a b" },
          { ":authority": "user@host:1" },
          { ":authority": "host/x?y" },
          { ":authority": "[" },
        ),
      },
    ),
  );
  return fc
    .record({ call: calls, identity, type, extras, body: bodies(), cuts: fc.array(fc.nat(60), { maxLength: 3 }) })
    .map(({ call: { path, message }, identity: who, type: contentType, extras: more, body, cuts }) => {
      const made = body(message);
      return {
        headers: Object.assign(
          {
            ":method": "POST",
            ":path": made.path?.(path) ?? path,
            ...(contentType ? { "content-type": contentType } : {}),
          },
          who,
          ...more.slice(0, 7),
          more[8],
          more[9],
          made.headers,
        ) as LeanCase["headers"],
        chunks: cut(made.bytes, cuts),
      };
    });
}

interface Body {
  readonly bytes: Uint8Array;
  readonly headers?: Record<string, string>;
  readonly path?: (path: string) => string;
}

/** Puts a message into a body, well or badly. */
function bodies(): fc.Arbitrary<(message: Uint8Array) => Body> {
  const zipped = (message: Uint8Array) => envelope({ data: gzipSync(message), flags: 1 });
  const gzip = { "grpc-encoding": "gzip" };
  const plain = (message: Uint8Array): Body => ({ bytes: envelope(message) });
  return fc.oneof(
    { weight: 30, arbitrary: fc.constant(plain) },
    {
      weight: 12,
      arbitrary: fc.constantFrom<(message: Uint8Array) => Body>(
        (message) => ({ bytes: zipped(message), headers: gzip }),
        (message) => ({ bytes: envelope(message), headers: gzip }),
        (message) => ({ bytes: envelope(message), headers: { "grpc-encoding": "identity" } }),
        (message) => ({ bytes: zipped(message) }),
        (message) => ({ bytes: zipped(message), headers: { "grpc-encoding": "zstd" } }),
        (message) => ({ bytes: envelope({ data: message, flags: 1 }), headers: gzip }),
        (message) => ({ bytes: envelope({ data: zipped(message).subarray(5, -6), flags: 1 }), headers: gzip }),
        () => ({ bytes: envelope({ data: new Uint8Array(), flags: 1 }), headers: gzip }),
        (message) => ({ bytes: envelope({ data: message, flags: 0xfe }) }),
        () => ({ bytes: new Uint8Array() }),
        (message) => ({ bytes: envelope(message, message) }),
        (message) => ({ bytes: envelope(message, message, message) }),
        (message) => ({ bytes: envelope(message, Buffer.of(255)) }),
        (message) => ({ bytes: envelope(Buffer.of(255), message) }),
        (message) => ({ bytes: Buffer.concat([envelope(message), Buffer.of(0, 0, 0)]) }),
        (message) => ({ bytes: Buffer.concat([envelope(message), Buffer.of(0, 0, 0, 0, 9)]) }),
        (message) => ({ bytes: Buffer.concat([envelope(message), Buffer.of(0, 0, 0, 0, 9, 1)]) }),
        (message) => ({ bytes: Buffer.concat([envelope(message), Buffer.of(0, 255, 0, 0, 0)]) }),
        // A first message that takes its time and is bad, and more behind it in the same piece.
        () => ({ bytes: envelope({ data: Buffer.alloc(10, 255), flags: 1 }, new Uint8Array()) }),
        () => ({ bytes: envelope({ data: Buffer.alloc(10, 255), flags: 1 }, new Uint8Array()), headers: gzip }),
        () => ({
          bytes: Buffer.concat([envelope({ data: Buffer.alloc(10, 255), flags: 1 }), Buffer.of(0, 255, 255, 255, 255)]),
          headers: gzip,
        }),
        () => ({ bytes: envelope(Buffer.alloc(20_000, 255), new Uint8Array()) }),
        () => ({ bytes: Buffer.concat([envelope(Buffer.alloc(20_000, 255)), Buffer.of(0, 255, 255, 255, 255)]) }),
        (message) => ({ bytes: envelope(Buffer.alloc(20_000, 255), message) }),
        () => ({ bytes: Buffer.concat([envelope(Buffer.alloc(20_000, 255)), Buffer.of(0, 0)]) }),
        () => ({
          bytes: Buffer.concat([envelope({ data: Buffer.alloc(10, 255), flags: 1 }), Buffer.of(0, 0)]),
          headers: gzip,
        }),
        () => ({
          bytes: Buffer.concat([envelope({ data: gzipSync(Buffer.alloc(5_000_000)), flags: 1 }), Buffer.of(0)]),
          headers: gzip,
        }),
        () => ({ bytes: Buffer.of(0, 255, 255, 255, 255) }),
        () => ({ bytes: Buffer.of(0, 0, 0, 0, 9) }),
        (message) => ({ bytes: message }),
        (message) => ({ bytes: envelope(message), path: (path) => `${path}?a=b` }),
        (message) => ({ bytes: envelope(message), path: (path) => path.toLowerCase() }),
        (message) => ({ bytes: envelope(message), path: () => "/grpc.health.v1.Health/Watches" }),
      ),
    },
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => () => ({ bytes: envelope(bytes) })) },
    { weight: 3, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => () => ({ bytes })) },
    {
      weight: 6,
      arbitrary: fc.tuple(fc.nat(200), fc.nat(255)).map(([at, value]) => (message: Uint8Array) => {
        const bytes = Uint8Array.from(envelope(message));
        bytes[at % bytes.length] = value;
        return { bytes };
      }),
    },
    {
      weight: 4,
      arbitrary: fc
        .nat(200)
        .map((at) => (message: Uint8Array) => ({ bytes: envelope(message).subarray(0, at % (message.length + 5)) })),
    },
  );
}

/** Cuts a body into pieces at the places given. */
function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...cuts.filter((at) => at < bytes.length), bytes.length])].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}
