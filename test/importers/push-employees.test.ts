import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { BadRequestSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { type Employee, EmployeeSchema } from "../../src/gen/wellvault/v1/employee_pb.ts";
import { UpsertOutcome } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { pushEmployees } from "../../src/importers/push-employees.ts";

async function* rows(count: number) {
  for (let n = 0; n < count; n++) {
    yield { line: n + 2, bytes: n + 1, employee: create(EmployeeSchema, { externalId: `E-${n}` }) };
  }
}

/** Refuses as the service does: a batch with something wrong as a whole, naming two fields at most. */
function refuse(employees: readonly Employee[], isBad: (externalId: string) => boolean): void {
  const bad = employees.flatMap(({ externalId }, index) => (isBad(externalId) ? [index] : []));
  if (bad.length === 0) return;
  const fieldViolations = bad
    .slice(0, 2)
    .map((index) => ({ field: `employees[${index}].team`, description: "must be shorter" }));
  throw new ConnectError("refused", Code.InvalidArgument, undefined, [
    { desc: BadRequestSchema, value: { fieldViolations } },
  ]);
}

async function push(count: number, send: (employees: readonly Employee[]) => void) {
  const counts = { created: 0, updated: 0, unchanged: 0, refused: 0 };
  const refused: object[] = [];
  const sent: string[] = [];
  const done = pushEmployees(rows(count), {
    counts,
    batchSize: 10,
    onRefused: (row) => refused.push(row),
    onBytes: () => undefined,
    async send(employees) {
      send(employees);
      sent.push(...employees.map(({ externalId }) => externalId));
      return employees.map(() => UpsertOutcome.CREATED);
    },
  });
  return {
    failure: await done.then(
      () => undefined,
      (error: unknown) => error,
    ),
    counts,
    refused,
    sent,
  };
}

test("rows that the service refuses are told by their lines, however few it names at a time, and the rest is stored", async () => {
  const bad = ["E-3", "E-4", "E-7", "E-9", "E-11"];
  const result = await push(25, (employees) => refuse(employees, (id) => bad.includes(id)));
  expect(result.failure).toBeUndefined();
  expect(result.refused).toEqual(
    [5, 6, 9, 11, 13].map((line) => ({ line, column: "team", problem: "must be shorter" })),
  );
  expect(result.counts.created).toBe(20);
  expect(new Set(result.sent).size).toBe(20);
});

test("a batch of which every row is refused ends, and the next one is sent", async () => {
  const result = await push(12, (employees) => refuse(employees, (id) => id.length === 3));
  expect(result.refused).toHaveLength(10);
  expect(result.sent).toEqual(["E-10", "E-11"]);
});

test("an error that names no row ends the import, and what was stored before is counted", async () => {
  const gone = new ConnectError("gone", Code.Unavailable);
  let batches = 0;
  const result = await push(25, () => {
    if (++batches === 2) throw gone;
  });
  expect(result.failure).toBe(gone);
  expect(result.counts).toMatchObject({ created: 10, refused: 0 });
});
