import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExportRecordType } from "../../src/gen/wellvault/v1/employee_export_pb.ts";
import { ErrorReason } from "../../src/gen/wellvault/v1/error_reason_pb.ts";
import {
  ExportEmployeeRequestSchema,
  type ExportEmployeeResponse,
  ExportEmployeeResponseSchema,
} from "../../src/gen/wellvault/v1/privacy_service_pb.ts";
import { createPartQueue } from "../../src/privacy/part-queue.ts";
import { createPrivacyHandlers, type ExportLimits, exportLimits } from "../../src/privacy/privacy-handlers.ts";
import { readExport } from "../../src/privacy/read-export.ts";
import type { TenantEntry } from "../../src/tenancy/tenant.ts";
import { expectQuiet } from "../support/locks.ts";
import { openPinnedPlane, type PinnedPlane } from "../support/pinned.ts";
import { readWhole } from "./export.ts";

let plane: PinnedPlane;
let tenant: TenantEntry;
const employeeId = "0b9f2f0e-5a3c-4d8e-9c55-3f1f6f0c7a01";
const samples = 4_000;
beforeAll(async () => {
  plane = await openPinnedPlane(4);
  tenant = await plane.provision("acme");
  const { admin } = plane.database;
  await admin.query(`set search_path = ${tenant.vault}`);
  await admin.query("insert into employees (employee_no, employee_id, external_id) values (1, $1, 'E-1')", [
    employeeId,
  ]);
  await admin.query("insert into sample_sources (source_no, slug, daily) values (1, 'watch', false)");
  await write("samples", 1, samples);
  await write("entries", 1, 300);
});
afterAll(() => plane.close());

/** Writes what has the numbers `from` to `to`, in one transaction of its own. */
async function write(what: "samples" | "entries", from: number, to: number): Promise<void> {
  const { admin } = plane.database;
  if (what === "samples") {
    await admin.query(
      `insert into samples (
         employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
       ) select 1, 11, timestamptz '2020-01-01Z' + n * interval '1 minute', 1, 1, 60, 0, 0, 0
       from generate_series($1::integer, $2::integer) as n`,
      [from, to],
    );
  } else {
    await admin.query(
      `insert into log_entries (employee_no, entry_id, type, start_time, utc_offset_minutes, source, version, detail)
       select 1, 'e-' || to_char(n, 'FM00000'), 9, now(), 0, 'manual', 1, '{}'
       from generate_series($1::integer, $2::integer) as n`,
      [from, to],
    );
  }
}

/** The stream of the handler, as the caller gets it. */
async function* exported(limits: Partial<ExportLimits>, signal = new AbortController().signal) {
  const handlers = createPrivacyHandlers({ ...exportLimits, ...limits });
  const request = create(ExportEmployeeRequestSchema, { employeeId });
  const call = { tenant, signal, open: plane.sessions.open };
  for await (const message of handlers.exportEmployee(request, call)) {
    yield create(ExportEmployeeResponseSchema, message) as ExportEmployeeResponse;
  }
}

test("what is written, changed and deleted while it is read is not in it", async () => {
  const read = { samples: 0, entries: 0 };
  let parts = 0;
  const session = plane.open(tenant);
  const manifest = await readExport(session, employeeId, 1, async () => {
    if (++parts > 1) return;
    // Further on than it has read: entries are before samples, and both are read by their keys.
    await write("samples", samples + 1, samples + 50);
    await write("entries", 301, 310);
    await plane.database.admin.query("update samples set value = 99, version = 2");
    await plane.database.admin.query("delete from log_entries where entry_id > 'e-00250'");
  });
  for (const { recordType, recordCount } of manifest.files ?? []) {
    if (recordType === ExportRecordType.SAMPLE) read.samples = Number(recordCount);
    if (recordType === ExportRecordType.LOG_ENTRY) read.entries = Number(recordCount);
  }
  expect(read).toEqual({ samples, entries: 300 });
  // The control: the next one shows it all.
  const next = await readWhole(exported({}));
  expect(next.records(ExportRecordType.SAMPLE)).toHaveLength(samples + 50);
  expect(next.records(ExportRecordType.SAMPLE).filter(({ value }) => value === 99)).toHaveLength(samples + 50);
  expect(next.records(ExportRecordType.LOG_ENTRY)).toHaveLength(250);
});

describe("a caller who does not read on", () => {
  const small = { aheadBytes: 512 * 1_024 };

  test("is told so, and holds no transaction open", async () => {
    const stream = exported({ ...small, stallMs: 100 });
    expect((await stream.next()).value).toMatchObject({ content: { case: "part" } });
    await expectQuiet(plane.database);
    await expect(readWhole(stream)).rejects.toMatchObject({ reason: ErrorReason.READER_TOO_SLOW });
  });

  test("but now and then is told so when the time is over", async () => {
    const stream = exported({ ...small, totalMs: 200 });
    expect((await stream.next()).value).toMatchObject({ content: { case: "part" } });
    await expectQuiet(plane.database);
    await expect(readWhole(stream)).rejects.toMatchObject({ reason: ErrorReason.READER_TOO_SLOW });
  });

  test("and has little to read has all of it with no transaction open", async () => {
    const stream = exported({ stallMs: 50 });
    await stream.next();
    await expectQuiet(plane.database);
    await new Promise((done) => setTimeout(done, 100));
    const rest = await Array.fromAsync(stream);
    expect(rest.at(-1)?.content.case).toBe("manifest");
  });

  test("and goes away leaves nothing open", async () => {
    const stream = exported(small);
    await stream.next();
    await stream.return(undefined);
    await expectQuiet(plane.database);
  });
});

describe("more exports at once than there may be", () => {
  const one = { ...exportLimits, atOnce: 1, aheadBytes: 256 * 1_024 };
  const request = create(ExportEmployeeRequestSchema, { employeeId });
  const call = () => ({ tenant, signal: new AbortController().signal, open: plane.sessions.open });

  test("wait their turn", async () => {
    const handlers = createPrivacyHandlers(one);
    const first = handlers.exportEmployee(request, call());
    await first.next();
    const second = handlers.exportEmployee(request, call());
    let began = false;
    const part = second.next().finally(() => (began = true));
    await new Promise((done) => setTimeout(done, 50));
    expect(began).toBe(false);
    await first.return(undefined);
    expect((await part).done).toBe(false);
    await second.return(undefined);
  });

  test("are refused when too many of the tenant are open, also such as are read and not taken", async () => {
    const handlers = createPrivacyHandlers({ ...exportLimits, open: 8 });
    const open = [handlers.exportEmployee(request, call()), handlers.exportEmployee(request, call())];
    for (const stream of open) await stream.next();
    await expectQuiet(plane.database);
    await expect(handlers.exportEmployee(request, call()).next()).rejects.toMatchObject({
      reason: ErrorReason.LIMIT_REACHED,
      context: { metadata: { limit: "exports", maximum: "2" } },
    });
    await open[0]?.return(undefined);
    const next = handlers.exportEmployee(request, call());
    expect((await next.next()).done).toBe(false);
    for (const stream of [...open, next]) await stream.return(undefined);
  });

  test("are refused when it does not come", async () => {
    const handlers = createPrivacyHandlers({ ...one, waitMs: 50 });
    const first = handlers.exportEmployee(request, call());
    await first.next();
    const second = handlers.exportEmployee(request, call());
    await expect(second.next()).rejects.toMatchObject({ reason: ErrorReason.OVERLOADED });
    await first.return(undefined);
  });
});

describe("a queue", () => {
  test("gives what was put in it in order, and then ends", async () => {
    const queue = createPartQueue<number>({ maxItems: 3, stallMs: 1_000 });
    const writing = (async () => {
      for (let n = 0; n < 20; n++) await queue.push(n);
      queue.end();
    })();
    expect(await Array.fromAsync(queue)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    await writing;
  });

  test("holds no more than it may", async () => {
    const queue = createPartQueue<number>({ maxItems: 3, stallMs: 30 });
    let pushed = 0;
    const writing = (async () => {
      for (let n = 0; n < 20; n++) {
        await queue.push(n);
        pushed++;
      }
    })();
    await expect(writing).rejects.toMatchObject({ reason: ErrorReason.READER_TOO_SLOW });
    expect(pushed).toBe(2);
  });

  test("that failed tells both sides why, the first time", async () => {
    const queue = createPartQueue<number>({ maxItems: 3, stallMs: 1_000 });
    await queue.push(1);
    queue.fail(new Error("first"));
    queue.fail(new Error("second"));
    queue.end();
    await expect(queue.push(2)).rejects.toThrow("first");
    await expect(Array.fromAsync(queue)).rejects.toThrow("first");
  });
});
