import { afterAll, beforeAll, expect, test } from "vitest";
import { HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { type OwnServer, startOwnServer } from "../support/own-server.ts";
import { startTestService } from "../support/service.ts";

let own: OwnServer;
beforeAll(async () => {
  own = await startOwnServer();
});
afterAll(() => own.close());

test("user and password as parameters of the URL leave both planes under their own logins", async () => {
  const url = new URL(own.database.url);
  url.searchParams.set("user", url.username);
  url.searchParams.set("password", url.password);
  const service = await startTestService({}, { ...own.database, url: url.href });
  try {
    const tenantId = await service.provision("parameters");
    await service.hire(tenantId);
    const { rows } = await own.database.admin.query(
      "select distinct application_name, usename::text from pg_stat_activity where application_name like 'wellvault%' order by 1",
    );
    expect(rows).toEqual([
      { application_name: "wellvault", usename: "wellvault_app" },
      { application_name: "wellvault control", usename: "wellvault_control" },
      { application_name: "wellvault probe", usename: "wellvault_app" },
    ]);
  } finally {
    await service.close();
  }
});

test("a service whose logins are locked out says so, by its answers and by its health", {
  timeout: 60_000,
}, async () => {
  const service = await startTestService({}, own.database);
  try {
    const tenantId = await service.provision("locked-out");
    await service.hire(tenantId);
    const health = async () => (await service.clients.health.check({})).status;
    expect(await health()).toBe(Status.SERVING);

    await own.database.admin.query("alter role wellvault_app password 'another'");
    // Open connections outlive the change; the probe's is left open, as it would be.
    await own.database.admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'wellvault'",
    );
    await expect
      .poll(
        async () =>
          (await failureOf(service.clients.employees.listEmployees({}, as("company_admin", tenantId)))).reason,
      )
      .toBe("DATABASE_UNAVAILABLE");
    await expect.poll(health, { timeout: 30_000, interval: 250 }).toBe(Status.NOT_SERVING);
  } finally {
    await service.close();
  }
});

test("a start that changes the passwords says so in its log", async () => {
  const first = await startTestService({ loginSecret: "one" }, own.database);
  await first.close();
  const second = await startTestService({ loginSecret: "two" }, own.database);
  await second.close();
  expect(second.logLines.join("")).toMatch(/login passwords were changed/);
  expect(second.logLines.join("")).not.toMatch(/"two"|password '/);
});
