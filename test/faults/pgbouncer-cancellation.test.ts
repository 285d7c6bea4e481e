import { describe, expect, test } from "vitest";
import { errors } from "../../src/errors.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import type { TenantSession } from "../../src/tenancy/session.ts";
import { asleep, expectClean } from "./pgbouncer-leavings.ts";
import { findPgBouncer } from "./pgbouncer-pooler.ts";
import { openPooledWorld, sleep } from "./pgbouncer-world.ts";

// Where it is missing, pgbouncer.test.ts says so.
const program = findPgBouncer() ?? "";

describe.skipIf(!program)("a cancellation by the signal behind pgbouncer ends the statement in PostgreSQL", () => {
  // Each in a world of its own: what one leaves running must not be taken for the other's.
  const cancelled = async (work: (session: TenantSession) => Promise<unknown>): Promise<void> => {
    const world = await openPooledWorld({ program, reset: true });
    try {
      const abort = new AbortController();
      const ended = work(world.open(world.tenants[0], { signal: abort.signal }));
      ended.catch(() => undefined);
      await asleep(world, 1);
      abort.abort(errors.cancelled());
      // Long before the session's own time limit.
      await asleep(world, 0);
      await expect(ended).rejects.toMatchObject({ reason: ErrorReason.CALL_CANCELLED });
      await expectClean(world);
    } finally {
      await world.close();
    }
  };

  test("in a transaction", () => cancelled((session) => session.transaction(({ query }) => query(sleep, [12]))));

  test("alone", () => cancelled((session) => session.query(sleep, [12])));
});
