import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { as } from "../support/clients.ts";
import { failureFrom } from "../support/errors.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ poolSize: 1 });
});
afterAll(() => service.close());

test("a batch that was stored is never told that nothing was done, though its count of stale samples has no turn", async () => {
  const { admin } = service.database;
  const [a, b] = [await service.provision("aaa"), await service.provision("bbb")];
  const [ofA, ofB] = [await service.hire(a), await service.hire(b)];
  const vaultOf = async (tenantId: string) => {
    const { rows } = await admin.query<{ vault: string }>(
      "select vault::text as vault from control.companies where tenant_id = $1",
      [tenantId],
    );
    return rows[0]?.vault;
  };
  const [vaultA, vaultB] = [await vaultOf(a), await vaultOf(b)];
  const count = async () =>
    (await admin.query<{ count: number }>(`select count(*)::integer as count from ${vaultA}.samples`)).rows[0]?.count;
  const known = sample();
  const fresh = sample({ startTime: fromMicros(monday + 60_000_000n) });
  const put = (samples: (typeof known)[], timeoutMs = 20_000) =>
    service.clients.metrics.putSamples({ employeeId: ofA, samples }, { ...as("ingest_service", a), timeoutMs });
  await put([known]);

  // The one connection goes to B between the batch and the count, and stays there.
  await admin.query(`begin; lock table ${vaultB}.log_entries in access exclusive mode`);
  const answer = put([known, fresh]).catch((error: unknown) => failureFrom(ConnectError.from(error)));
  const others = Array.from({ length: 3 }, () =>
    service.clients.logs
      .listLogEntries({ employeeId: ofB }, { ...as("employee", b, ofB), timeoutMs: 20_000 })
      .catch(() => undefined),
  );
  expect(await answer).toMatchObject({ reason: "COMMIT_UNKNOWN" });
  expect(await count()).toBe(2);
  await admin.query("rollback");
  await Promise.all(others);

  // The control: with nothing stored, it is true that nothing was done. And a repetition says what there is.
  expect(await put([known, fresh])).toMatchObject({
    insertedCount: 0,
    replacedCount: 0,
    unchangedCount: 2,
    staleCount: 0,
  });
});
