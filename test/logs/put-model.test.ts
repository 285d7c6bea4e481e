import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WriteOutcome } from "../../src/gen/wellvault/v1/write_outcome_pb.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { logEntry } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

const { INSERTED, REPLACED, UNCHANGED, STALE } = WriteOutcome;

let service: TestService;
let tenant: string;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
afterAll(() => service.close());

interface Stored {
  readonly version: bigint;
  /** Undefined for a tombstone. */
  readonly note: string | undefined;
}

/** What is stored, by entry id: a tombstone keeps its version, and only a higher one counts. */
class Model {
  readonly entries = new Map<string, Stored>();

  put(entryId: string, version: bigint, note: string): { outcome: WriteOutcome; note: string | undefined } {
    const before = this.entries.get(entryId);
    if (!before || version > before.version) {
      this.entries.set(entryId, { version, note });
      return { outcome: before ? REPLACED : INSERTED, note };
    }
    const isSame = version === before.version && before.note !== undefined;
    return { outcome: isSame ? UNCHANGED : STALE, note: before.note };
  }

  /** Whether there was something to delete. */
  remove(entryId: string): boolean {
    const before = this.entries.get(entryId);
    if (before?.note === undefined) return false;
    this.entries.set(entryId, { version: before.version, note: undefined });
    return true;
  }

  /** The ids of what is there and not deleted. */
  ids(): string[] {
    return [...this.entries].filter(([, { note }]) => note !== undefined).map(([entryId]) => entryId);
  }
}

const entryId = fc.constantFrom("a", "b");
const steps = fc.array(
  fc.oneof(
    { arbitrary: fc.record({ entryId, version: fc.bigInt({ min: 1n, max: 4n }) }), weight: 4 },
    { arbitrary: fc.record({ entryId }), weight: 1 },
  ),
  { minLength: 1, maxLength: 25 },
);

test("any sequence of puts and deletions has the outcomes of the model, and leaves what it says", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const employeeId = await service.hire(tenant);
      const own = as("employee", tenant, employeeId);
      const model = new Model();
      for (const [index, step] of sequence.entries()) {
        const target = { employeeId, entryId: step.entryId };
        if ("version" in step) {
          const note = `step ${index}`;
          const { outcome, entry } = await service.clients.logs.putLogEntry(
            { employeeId, entry: logEntry({ ...step, note }) },
            own,
          );
          expect({ outcome, note: entry?.note }).toEqual(model.put(step.entryId, step.version, note));
          // What a put returns is what is stored, whether it was read back or not.
          if (entry) expect((await service.clients.logs.getLogEntry(target, own)).entry).toEqual(entry);
        } else if (model.remove(step.entryId)) {
          await service.clients.logs.deleteLogEntry(target, own);
        } else {
          const failure = await failureOf(service.clients.logs.deleteLogEntry(target, own));
          expect(failure).toMatchObject({ code: "NotFound", resource: { name: step.entryId } });
        }
      }
      const { entries } = await service.clients.logs.listLogEntries({ employeeId }, own);
      expect(entries.map((entry) => entry.entryId).toSorted()).toEqual(model.ids().toSorted());
    }),
    { numRuns: 15 },
  );
});
