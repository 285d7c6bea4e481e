import { expect, test } from "vitest";
import { as } from "../support/clients.ts";
import { createMigratedDatabase } from "../support/database.ts";
import { startTestService } from "../support/service.ts";

test("a stop ends while calls that were given up are still being wound up", { timeout: 60_000 }, async () => {
  const database = await createMigratedDatabase();
  try {
    for (let round = 0; round < 5; round++) {
      const service = await startTestService({ poolSize: 4 }, database);
      const tenantId = await service.provision("acme");
      const employeeId = await service.hire(tenantId, `E-${round}`);
      const giveUp = new AbortController();
      // More than the pool holds: some are at work, some wait, some are about to connect.
      const calls = Array.from({ length: 24 }, () =>
        service.clients.metrics.listSamples(
          { employeeId },
          { ...as("employee", tenantId, employeeId), signal: giveUp.signal },
        ),
      );
      await new Promise((done) => setTimeout(done, round * 4));
      giveUp.abort();
      await Promise.allSettled(calls);
      await service.close();
      await expect
        .poll(
          async () =>
            (
              await database.admin.query(
                "select pid from pg_stat_activity where datname = current_database() and usename like 'wellvault%'",
              )
            ).rows,
        )
        .toEqual([]);
    }
  } finally {
    await database.drop();
  }
});
