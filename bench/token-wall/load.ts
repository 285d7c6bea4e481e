import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";

/** What the load process is told to do. */
export interface LoadOrder {
  readonly address: string;
  readonly people: readonly { readonly tenantId: string; readonly employeeId: string }[];
  readonly kind: LoadKind;
  readonly calls: number;
  readonly parallel: number;
}

/** `read` gets an employee, `page` lists 50 samples, `write` puts 20 samples. */
export type LoadKind = "read" | "page" | "write";

/** What it answers: calls a second, or why there is no figure. */
export type LoadResult = { readonly rate: number } | { readonly error: string };

/**
 * Makes the calls of an order and returns how many a second were answered. It runs in a process of its
 * own, so that the client's work does not slow the service down more than a client elsewhere would.
 */
async function run({ address, people, kind, calls, parallel }: LoadOrder): Promise<number> {
  const transport = createGrpcTransport({ baseUrl: address });
  const employees = createClient(EmployeeService, transport);
  const metrics = createClient(MetricService, transport);
  const one = async (index: number): Promise<unknown> => {
    const { tenantId, employeeId } = people[index % people.length] ?? { tenantId: "", employeeId: "" };
    const self = { headers: { "x-role": "employee", "x-tenant-id": tenantId, "x-employee-id": employeeId } };
    if (kind === "read") return await employees.getEmployee({ key: { case: "employeeId", value: employeeId } }, self);
    if (kind === "page") return await metrics.listSamples({ employeeId, pageSize: 50 }, self);
    // Each call its own hour, so that every sample is a new row.
    const start = Date.UTC(2026, 0, 1) + index * 3_600_000;
    const samples = Array.from({ length: 20 }, (_, n) => ({
      kind: "heart_rate",
      startTime: timestampFromMs(start + n * 60_000),
      utcOffsetMinutes: 0,
      value: 60 + n,
      source: "bench",
      version: 1n,
    }));
    return await metrics.putSamples({ employeeId, samples }, self);
  };
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < calls) await one(next++);
    }),
  );
  return (calls * 1_000) / (performance.now() - startedAt);
}

process.on("message", (order: LoadOrder) => {
  run(order).then(
    (rate) => process.send?.({ rate }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
