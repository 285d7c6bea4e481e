import { afterAll, beforeAll, expect, test } from "vitest";
import { as } from "./support/clients.ts";
import { failureOf } from "./support/errors.ts";
import { startTestService, type TestService } from "./support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

test("a tenant can be used as soon as it is provisioned", async () => {
  const tenant = await service.provision();
  const employeeId = await service.hire(tenant);
  const { employee } = await service.clients.employees.getEmployee(
    { key: { case: "employeeId", value: employeeId } },
    as("company_admin", tenant),
  );
  expect(employee?.employeeId).toBe(employeeId);
});

test("a missing employee is NOT_FOUND with ResourceInfo", async () => {
  const tenant = await service.provision();
  const failure = await failureOf(
    service.clients.employees.getEmployee(
      { key: { case: "employeeId", value: "01a20987-b129-74c4-b7f8-973263997c46" } },
      as("company_admin", tenant),
    ),
  );
  expect(failure.code).toBe("NotFound");
  expect(failure.resource?.type).toBe("wellvault.v1.Employee");
});
