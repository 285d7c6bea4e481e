import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WriteOutcome } from "../../src/gen/wellvault/v1/write_outcome_pb.ts";
import { as } from "../support/clients.ts";
import { blockedStatements } from "../support/locks.ts";
import { beginOtherWriter, type OtherWriter } from "../support/other-writer.ts";
import { logEntry } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";

const { INSERTED, REPLACED, UNCHANGED, STALE } = WriteOutcome;

let service: TestService;
let tenant: string;
let employeeId: string;
let other: OtherWriter;
beforeAll(async () => {
  service = await startTestService();
  tenant = await service.provision();
});
beforeEach(async () => {
  employeeId = await service.hire(tenant);
  other = await beginOtherWriter(service.database, tenant);
});
afterAll(() => service.close());

const put = (version: bigint) =>
  service.clients.logs.putLogEntry(
    { employeeId, entry: logEntry({ version, note: "ours" }) },
    as("employee", tenant, employeeId),
  );
const isWaiting = () => expect.poll(() => blockedStatements(service.database), { interval: 5 }).toBe(1);

/** Writes the entry of the same id, and does not commit. */
async function writeOther(version: number, deleted: boolean): Promise<void> {
  await other.query(
    `insert into log_entries (
       employee_no, entry_id, type, start_time, utc_offset_minutes, source, version, note, detail, delete_time
     )
     select employee_no, 'entry-1', 1, '2026-01-01', 0, 'manual', $2, 'theirs', '{}', case when $3 then now() end
     from employees where employee_id = $1`,
    [employeeId, version, deleted],
  );
}

describe("an entry that another transaction writes while ours waits for it, and that our snapshot never shows", () => {
  // The lower version and the rollback are the control: then it is ours that counts.
  test.each([
    { version: 9, end: "commit", deleted: false, outcome: STALE, note: "theirs" },
    { version: 5, end: "commit", deleted: false, outcome: UNCHANGED, note: "theirs" },
    { version: 5, end: "commit", deleted: true, outcome: STALE, note: undefined },
    { version: 3, end: "commit", deleted: false, outcome: REPLACED, note: "ours" },
    { version: 9, end: "rollback", deleted: false, outcome: INSERTED, note: "ours" },
  ] as const)(
    "of version $version, deleted $deleted, at its $end",
    async ({ version, deleted, end, outcome, note }) => {
      await writeOther(version, deleted);
      const answer = put(5n);
      await isWaiting();
      await other[end]();
      expect(await answer).toMatchObject({ outcome, ...(note === undefined ? {} : { entry: { note } }) });
      expect((await answer).entry?.note).toBe(note);
      await other.close();
    },
  );
});
