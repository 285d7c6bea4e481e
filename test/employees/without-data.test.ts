import { afterAll, beforeAll, expect, test } from "vitest";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { logEntry, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
afterAll(() => service.close());

/** Every call about an employee's data. */
function calls(employeeId: string) {
  const { logs, metrics } = service.clients;
  const own = as("employee", tenant, employeeId);
  return {
    put: () => logs.putLogEntry({ employeeId, entry: logEntry() }, own),
    get: () => logs.getLogEntry({ employeeId, entryId: "entry-1" }, own),
    list: () => logs.listLogEntries({ employeeId }, own),
    remove: () => logs.deleteLogEntry({ employeeId, entryId: "entry-1" }, own),
    putSamples: () => metrics.putSamples({ employeeId, samples: [sample()] }, own),
    listSamples: () => metrics.listSamples({ employeeId }, own),
  };
}

test("an employee whom there is not, or no more, is told from one without data", async () => {
  const hired = await service.hire(tenant);
  const gone = await service.hire(tenant);
  await calls(gone).put();
  await calls(gone).putSamples();
  await service.clients.employees.deleteEmployee({ employeeId: gone }, as("company_admin", tenant));
  for (const employeeId of [crypto.randomUUID(), gone]) {
    for (const call of Object.values(calls(employeeId))) {
      expect(await failureOf(call())).toMatchObject({
        code: "NotFound",
        resource: { type: "wellvault.v1.Employee", name: employeeId },
      });
    }
  }
  // The control: one without data has empty pages, and entries that are not found.
  const { list, listSamples, get, remove } = calls(hired);
  expect([(await list()).entries, (await listSamples()).samples]).toEqual([[], []]);
  for (const call of [get, remove]) {
    expect(await failureOf(call() as Promise<unknown>)).toMatchObject({ resource: { type: "wellvault.v1.LogEntry" } });
  }
});
