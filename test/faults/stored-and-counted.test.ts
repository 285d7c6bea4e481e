import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { as } from "../support/clients.ts";
import { failureFrom } from "../support/errors.ts";
import { blockedStatements, holdTable } from "../support/locks.ts";
import { beginOtherWriter } from "../support/other-writer.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ poolSize: 1 });
});
afterAll(() => service.close());

test("a batch that was stored is never told that nothing was done, though the look at what others wrote meanwhile has no turn", async () => {
  const { admin } = service.database;
  const [a, b] = [await service.provision("aaa"), await service.provision("bbb")];
  const [ofA, ofB] = [await service.hire(a), await service.hire(b)];
  const { rows } = await admin.query<{ vault: string }>(
    "select vault::text as vault from control.companies where tenant_id = $1",
    [a],
  );
  const count = async () =>
    (await admin.query<{ count: number }>(`select count(*)::integer as count from ${rows[0]?.vault}.samples`)).rows[0]
      ?.count;
  const known = sample();
  const fresh = sample({ startTime: fromMicros(monday + 60_000_000n) });
  const put = (samples: (typeof known)[], timeoutMs = 20_000) =>
    service.clients.metrics.putSamples({ employeeId: ofA, samples }, { ...as("ingest_service", a), timeoutMs });
  await put([sample({ startTime: fromMicros(monday + 120_000_000n) })]);

  // Somebody else writes a sample of the batch, which waits for that. Then the one connection goes to B before the look at
  // what the batch met, and stays there.
  const other = await beginOtherWriter(service.database, a);
  await other.query(
    `insert into samples (
       employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
     )
     select employee_no, 11, $2::timestamptz, 1, 1, 60, 0, 0, 0 from employees where employee_id = $1`,
    [ofA, new Date(Number(monday / 1_000n))],
  );
  const held = await holdTable(service.database, b, "log_entries");
  const answer = put([known, fresh]).catch((error: unknown) => failureFrom(ConnectError.from(error)));
  const others = Array.from({ length: 3 }, () =>
    service.clients.logs
      .listLogEntries({ employeeId: ofB }, { ...as("employee", b, ofB), timeoutMs: 20_000 })
      .catch(() => undefined),
  );
  await expect.poll(() => blockedStatements(service.database), { interval: 5 }).toBe(1);
  await other.commit();
  expect(await answer).toMatchObject({ reason: "COMMIT_UNKNOWN" });
  expect(await count()).toBe(3);
  await held.release();
  await Promise.all([...others, other.close()]);

  // The control: with nothing stored, it is true that nothing was done. And a repetition says what there is.
  expect(await put([known, fresh])).toMatchObject({
    insertedCount: 0,
    replacedCount: 0,
    unchangedCount: 2,
    staleCount: 0,
  });
});
