import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { as } from "../support/clients.ts";
import { failureFrom, failureOf } from "../support/errors.ts";
import { type OwnServer, startOwnServer } from "../support/own-server.ts";
import { logEntry, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

// A server of its own that keeps what it acknowledges, as in production.
let own: OwnServer;
let service: TestService;
beforeAll(async () => {
  own = await startOwnServer(false);
  service = await startTestService({ poolSize: 4 }, own.database);
});
afterAll(async () => {
  await service.close();
  await own.close();
});

async function health(): Promise<Status> {
  return (await service.clients.health.check({})).status;
}

/** Runs SQL as the administrator, over a connection of its own: the file's first one dies in the crash. */
async function administer<Row extends pg.QueryResultRow>(work: (admin: pg.Client) => Promise<Row[]>): Promise<Row[]> {
  const admin = new pg.Client({ connectionString: own.database.url });
  admin.on("error", () => undefined);
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

async function vaultOf(tenantId: string): Promise<string> {
  const [row] = await administer<{ vault: string }>(
    async (admin) =>
      (await admin.query("select vault::text from control.companies where tenant_id = $1", [tenantId])).rows,
  );
  return row?.vault ?? "";
}

/** Waits until a backend of the data plane waits for a lock, and returns its pid. */
async function blockedBackend(admin: pg.Client): Promise<number> {
  let pid: number | undefined;
  await expect
    .poll(
      async () => {
        const { rows } = await admin.query<{ pid: number }>(
          "select pid from pg_stat_activity where wait_event_type = 'Lock' and usename = 'wellvault_app'",
        );
        pid = rows[0]?.pid;
        return pid;
      },
      { interval: 10 },
    )
    .toBeDefined();
  return pid ?? 0;
}

test("a crash under load: callers are told to repeat, the service recovers, nothing is lost or doubled", async () => {
  const tenant = await service.provision();
  const employeeId = await service.hire(tenant, "first");
  expect(await health()).toBe(Status.SERVING);

  const told = new Map<string, number>();
  const acknowledged: { employees: string[]; entries: string[] } = { employees: [], entries: [] };
  let stop = false;
  const writer = async (n: number): Promise<void> => {
    for (let round = 0; !stop; round++) {
      const id = `w${n}-${round}`;
      const request = { employee: { externalId: id }, requestId: randomUUID() };
      const entry = logEntry({ entryId: id });
      // Each write is repeated with the same ids until it is acknowledged.
      await untilDone(() => service.clients.employees.createEmployee(request, as("company_admin", tenant)));
      acknowledged.employees.push(id);
      await untilDone(() => service.clients.logs.putLogEntry({ employeeId, entry }, as("ingest_service", tenant)));
      acknowledged.entries.push(id);
      await untilDone(() => service.provision(`${tenant}-${id}`), round === 0);
    }
  };
  const untilDone = async (call: () => Promise<unknown>, wanted = true): Promise<void> => {
    for (let tries = 0; wanted && tries < 500; tries++) {
      try {
        await call();
        return;
      } catch (error) {
        const { code, reason } = failureFrom(ConnectError.from(error));
        told.set(`${code} ${reason}`, (told.get(`${code} ${reason}`) ?? 0) + 1);
        await new Promise((done) => setTimeout(done, 20));
      }
    }
  };
  const writers = Array.from({ length: 8 }, (_, n) => writer(n));
  try {
    await new Promise((done) => setTimeout(done, 400));
    await own.server.stop("immediate");
    try {
      await expect.poll(health, { timeout: 8_000, interval: 50 }).toBe(Status.NOT_SERVING);
    } finally {
      await own.server.restart();
    }
    await expect.poll(health, { timeout: 8_000, interval: 50 }).toBe(Status.SERVING);
    await new Promise((done) => setTimeout(done, 200));
  } finally {
    stop = true;
  }
  await Promise.all(writers);

  // The crash must have been met, or the test shows nothing.
  expect(told.size).toBeGreaterThan(0);
  const allowed = new Set(["Unavailable DATABASE_UNAVAILABLE", "Unknown COMMIT_UNKNOWN"]);
  expect([...told.keys()].filter((outcome) => !allowed.has(outcome))).toEqual([]);
  const vault = await vaultOf(tenant);
  const stored = await administer<{ external_id: string }>(
    async (admin) => (await admin.query(`select external_id from ${vault}.employees where external_id like 'w%'`)).rows,
  );
  expect(stored.map((row) => row.external_id).toSorted()).toEqual(acknowledged.employees.toSorted());
  const entries = await administer<{ entry_id: string }>(
    async (admin) => (await admin.query(`select entry_id from ${vault}.log_entries`)).rows,
  );
  expect(entries.map((row) => row.entry_id).toSorted()).toEqual(acknowledged.entries.toSorted());
  const [counter] = await administer<{ last_value: number }>(
    async (admin) =>
      (await admin.query(`select last_value from ${vault}.counters where name = 'active_employee'`)).rows,
  );
  expect(counter?.last_value).toBe(stored.length + 1);
});

test("a database that is away: every method says so at once", async () => {
  const tenant = await service.provision();
  const employeeId = await service.hire(tenant);
  await own.server.stop("fast");
  try {
    const { employees, logs, metrics, tenants } = service.clients;
    const failures = await Promise.all(
      [
        employees.listEmployees({}, as("company_admin", tenant)),
        employees.createEmployee({ employee: { externalId: "away" } }, as("company_admin", tenant)),
        logs.listLogEntries({ employeeId }, as("employee", tenant, employeeId)),
        metrics.putSamples({ employeeId, samples: [sample()] }, as("ingest_service", tenant)),
        tenants.getTenant({ tenantId: tenant }, as("platform_operator")),
        tenants.provisionTenant({ tenantId: "away", displayName: "Away" }, as("platform_operator")),
        // A tenant that nobody asked for before cannot be looked up either.
        employees.listEmployees({}, as("company_admin", "unknown")),
      ].map(failureOf),
    );
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: "Unavailable", reason: "DATABASE_UNAVAILABLE" });
    }
  } finally {
    await own.server.restart();
  }
  await expect.poll(health, { timeout: 8_000, interval: 50 }).toBe(Status.SERVING);
  await service.hire(tenant);
});

test("a backend killed in the middle of a transaction: nothing is written, and a repeat succeeds", async () => {
  const tenant = await service.provision();
  const employeeId = await service.hire(tenant, "victim");
  const vault = await vaultOf(tenant);
  const update = (team: string) =>
    service.clients.employees.updateEmployee(
      { employeeId, employee: { team }, updateMask: { paths: ["team"] } },
      as("company_admin", tenant),
    );
  await administer(async (admin) => {
    await admin.query("begin");
    await admin.query(`select from ${vault}.employees for update`);
    const failing = failureOf(update("lost"));
    await admin.query("select pg_terminate_backend($1, 5000)", [await blockedBackend(admin)]);
    expect(await failing).toMatchObject({ code: "Unavailable", reason: "DATABASE_UNAVAILABLE" });
    await admin.query("rollback");
    return [];
  });
  const { employee } = await update("kept");
  expect(employee).toMatchObject({ team: "kept", etag: "r2" });
});

test("when every connection is taken a call ends by its deadline, and leaves nothing behind", async () => {
  const tenant = await service.provision();
  const employeeId = await service.hire(tenant);
  const vault = await vaultOf(tenant);
  const admin = as("company_admin", tenant);
  const update = (team: string, timeoutMs: number) =>
    service.clients.employees.updateEmployee(
      { employeeId, employee: { team }, updateMask: { paths: ["team"] } },
      { ...admin, timeoutMs },
    );
  await administer(async (holder) => {
    await holder.query("begin");
    await holder.query(`select from ${vault}.employees for update`);
    const taking = Array.from({ length: 4 }, (_, n) => update(`taking-${n}`, 700));
    const outcomes = Promise.allSettled(taking);
    await blockedBackend(holder);
    const call = service.clients.employees.listEmployees({}, { ...admin, timeoutMs: 200 });
    await expect(call).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: Code.DeadlineExceeded } });
    }
    // What was cut off must not wait on in the database.
    const waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and usename = 'wellvault_app'";
    await expect.poll(async () => (await holder.query(waiting)).rowCount, { interval: 20 }).toBe(0);
    await holder.query("rollback");
    return [];
  });
  const { employees } = await service.clients.employees.listEmployees({}, admin);
  expect(employees.map((employee) => employee.team)).toEqual([""]);
});
