import { afterAll, beforeAll, expect, test } from "vitest";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { expectQuiet, holdTable } from "../support/locks.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
  await service.provision("acme");
});
afterAll(() => service.close());

test("a lock that is not to be had is a conflict that the caller may repeat", async () => {
  const held = await holdTable(service.database, "acme");
  const admin = as("company_admin", "acme");
  const failures = await Promise.all([
    failureOf(service.clients.employees.createEmployee({ employee: { externalId: "E-1" } }, admin)),
    failureOf(service.clients.employees.listEmployees({}, admin)),
  ]);
  for (const failure of failures) expect(failure).toMatchObject({ code: "Aborted", reason: "CONFLICT" });
  await expectQuiet(service.database);
  await held.release();
  expect((await service.clients.employees.listEmployees({}, admin)).employees).toEqual([]);
});
