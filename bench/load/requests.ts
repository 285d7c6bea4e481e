import { create, toBinary } from "@bufbuild/protobuf";
import {
  ListLogEntriesRequestSchema,
  PutLogEntryRequestSchema,
} from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { PutSamplesRequestSchema } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { batchRows, type Operation, pageRows } from "../plan.ts";
import { entryIdOf, firstSampleSecond } from "../written-ids.ts";
import { encodeHeaderBlock } from "./header-block.ts";
import type { Person } from "./order.ts";

/** The calls of one operation, ready but for what changes from one to the next. */
export interface Requests {
  /** The header block of a call for a tenant, by its place in the list. */
  headers(tenant: number): Buffer;
  /** The body of a call under the number given. It is one buffer for all calls, good until the next one is asked for. */
  body(tenant: number, id: number): Buffer;
}

const paths: Readonly<Record<Operation, string>> = {
  write: "/wellvault.v1.EmployeeLogService/PutLogEntry",
  read: "/wellvault.v1.EmployeeLogService/ListLogEntries",
  batch: "/wellvault.v1.MetricService/PutSamples",
};

/** Makes the calls of an operation. */
export function prepareRequests(operation: Operation, people: readonly Person[]): Requests {
  const employees = people.map(({ writerId, readerId }) => (operation === "read" ? readerId : writerId));
  const blocks = people.map(({ tenantId }, index) =>
    encodeHeaderBlock([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", paths[operation]],
      [":authority", "127.0.0.1"],
      ["content-type", "application/grpc+proto"],
      ["te", "trailers"],
      ["x-role", "employee"],
      ["x-tenant-id", tenantId],
      ["x-employee-id", employees[index] ?? ""],
    ]),
  );
  const employeeIds = employees.map((id) => Buffer.from(id, "latin1"));
  const { body, patch } = withId(operation);
  const employeeAt = body.indexOf(placeholder);
  return {
    headers: (tenant) => blocks[tenant] ?? Buffer.alloc(0),
    body(tenant, id) {
      employeeIds[tenant]?.copy(body, employeeAt);
      patch(id);
      return body;
    },
  };
}

/** Stands where the employee's id goes. */
const placeholder = "00000000-0000-4000-8000-000000000000";

/** The body of an operation, and what puts a call's number into it. */
function withId(operation: Operation): { body: Buffer; patch: (id: number) => void } {
  const employeeId = placeholder;
  if (operation === "read") {
    const request = create(ListLogEntriesRequestSchema, { employeeId, pageSize: pageRows });
    return { body: message(toBinary(ListLogEntriesRequestSchema, request)), patch: () => undefined };
  }
  if (operation === "write") {
    const entryId = entryIdOf(0);
    const request = create(PutLogEntryRequestSchema, {
      employeeId,
      entry: {
        ...{ entryId, source: "bench", version: 1n, utcOffsetMinutes: 60, note: "slept well, a little tired" },
        startTime: { seconds: 1_760_000_000n },
        detail: { case: "mood", value: { valence: 1.5, labels: ["calm", "content"] } },
      },
    });
    const body = message(toBinary(PutLogEntryRequestSchema, request));
    const at = body.indexOf(entryId);
    return { body, patch: (id) => void body.write(entryIdOf(id), at, "latin1") };
  }
  const request = create(PutSamplesRequestSchema, {
    employeeId,
    samples: Array.from({ length: batchRows }, (_, index) => ({
      ...{ kind: "heart_rate", source: "bench", version: 1n, utcOffsetMinutes: 60, value: 60 + (index % 40) },
      startTime: { seconds: BigInt(firstSampleSecond), nanos: index * 1_000_000 },
    })),
  });
  const body = message(toBinary(PutSamplesRequestSchema, request));
  const places = placesOf(body, Buffer.from([0x08, ...varint(firstSampleSecond)]));
  if (places.length !== batchRows) throw new Error("the times of a batch were not found in its body");
  return {
    body,
    patch(id) {
      const bytes = varint(firstSampleSecond + id);
      for (const at of places) for (let n = 0; n < 5; n++) body[at + 1 + n] = bytes[n] ?? 0;
    },
  };
}

/** A gRPC message: not compressed, its length, its bytes. */
function message(bytes: Uint8Array): Buffer {
  const whole = Buffer.alloc(5 + bytes.length);
  whole.writeUInt32BE(bytes.length, 1);
  whole.set(bytes, 5);
  return whole;
}

function placesOf(body: Buffer, pattern: Buffer): number[] {
  const places: number[] = [];
  for (let at = body.indexOf(pattern); at >= 0; at = body.indexOf(pattern, at + pattern.length)) places.push(at);
  return places;
}

/** Protobuf's form of an integer below 2 to the 35th; five bytes from 2 to the 28th on. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
}
