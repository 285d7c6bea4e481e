import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { statement } from "../../../src/database/statement.ts";
import { errors } from "../../../src/errors.ts";
import { ErrorReason } from "../../../src/gen/wellvault/v1/error_reason_pb.ts";
import { expectQuiet, holdTable } from "../../support/locks.ts";
import { Tag } from "./entities.ts";
import { type Library, needle, openLibrary } from "./library.ts";

let library: Library;
beforeAll(async () => {
  library = await openLibrary(4);
});
beforeEach(() => library.empty());
afterEach(async () => {
  await expectQuiet(library.database);
  // A cancellation that comes late, or a setting that stays, would hit one of these.
  for (let n = 0; n < 10; n++) await library.open().em.insert(Tag, { tagId: 1_000 + n, label: `after ${n}` });
  library.expectNoValueSent();
});
afterAll(() => library.close());

type Session = ReturnType<Library["open"]>;
const row = { tagId: 1, label: needle };
const count = statement<[], { count: number }>("select count(*)::integer as count from tags");
const sleep = (seconds: number) => statement<[], object>(`select pg_sleep(${seconds})`);
const stored = () => library.admin("select tag_id from tags");

/** Opens a session whose signal fires when the statement of the work that follows waits for a table. */
async function abortWhileWaiting(work: (session: Session) => Promise<unknown>): Promise<unknown> {
  const table = await holdTable(library.database, library.tenant.tenantId, "tags");
  const abort = new AbortController();
  const running = work(library.open({ signal: abort.signal })).then(
    () => undefined,
    (error: unknown) => error,
  );
  await table.waiting();
  abort.abort(errors.cancelled());
  const error = await running;
  // Cancelled in PostgreSQL too, while the table is still held; its holder is no part of the service.
  await expectQuiet(library.database);
  await table.release();
  return error;
}

describe("a signal that fires while a statement runs", () => {
  test.each([
    ["the first one of a manager", (session: Session) => session.em.insert(Tag, row)],
    ["a read of a manager", (session: Session) => session.em.find(Tag, {})],
    [
      "a stream of a manager",
      (session: Session) => session.em.transactional(async (em) => await Array.fromAsync(em.stream(Tag, {}))),
    ],
    ["raw SQL", (session: Session) => session.em.execute("delete from tags")],
    ["a flush", (session: Session) => session.em.persist(session.em.create(Tag, row)).flush()],
    [
      "the second one of a transaction",
      (session: Session) =>
        session.em.transactional(async (em) => {
          await em.execute("select 1");
          await em.insert(Tag, row);
        }),
    ],
  ])("%s: it is cancelled in PostgreSQL and nothing is written", async (_, work) => {
    const printed = vi.spyOn(console, "error");
    expect(await abortWhileWaiting(work)).toBeInstanceOf(Error);
    expect(await stored()).toEqual([]);
    expect(printed).not.toHaveBeenCalled();
    printed.mockRestore();
  });

  test("a statement of a session: the signal's reason is what the caller gets", async () => {
    const error = await abortWhileWaiting((session) => session.query(count, []));
    expect(error).toMatchObject({ reason: ErrorReason.CALL_CANCELLED });
  });

  test("the work does not run again", async () => {
    let runs = 0;
    const error = await abortWhileWaiting((session) =>
      session.transaction(async ({ em }) => {
        runs++;
        await em.insert(Tag, row);
      }),
    );
    expect([runs, error]).toMatchObject([1, { reason: ErrorReason.CALL_CANCELLED }]);
  });

  test("the statements of others, which run at the same time, go on", async () => {
    const abort = new AbortController();
    const ours = library.open({ signal: abort.signal }).query(sleep(20), []);
    ours.catch(() => undefined);
    const asleep = "select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    await expect.poll(() => library.admin(asleep), { interval: 5 }).toHaveLength(1);
    const theirs = library.open().query(sleep(0.3), []);
    await expect.poll(() => library.admin(asleep), { interval: 5 }).toHaveLength(2);
    abort.abort(errors.cancelled());
    await expect(ours).rejects.toMatchObject({ reason: ErrorReason.CALL_CANCELLED });
    expect(await theirs).toHaveLength(1);
  });
});

describe("a signal that fires between two statements", () => {
  test("what follows is refused and what went before undone", async () => {
    const abort = new AbortController();
    let after = 0;
    const running = library.open({ signal: abort.signal }).transaction(async ({ em }) => {
      await em.insert(Tag, row);
      abort.abort(errors.cancelled());
      await em.insert(Tag, { tagId: 2, label: "two" });
      after++;
    });
    await expect(running).rejects.toMatchObject({ reason: ErrorReason.CALL_CANCELLED });
    expect([after, await stored()]).toEqual([0, []]);
  });

  test("before the first one: nothing is sent in its name", async () => {
    const abort = new AbortController();
    library.tap.clear();
    const running = library.open({ signal: abort.signal }).transaction(async ({ em }) => {
      abort.abort(errors.cancelled());
      await em.insert(Tag, row);
    });
    await expect(running).rejects.toMatchObject({ reason: ErrorReason.CALL_CANCELLED });
    expect(library.tap.statements().filter((sql) => /insert/i.test(sql))).toEqual([]);
    expect(await stored()).toEqual([]);
  });

  test("between begin and commit of a manager", async () => {
    const abort = new AbortController();
    const { em } = library.open({ signal: abort.signal });
    await em.begin();
    await em.insert(Tag, row);
    abort.abort(errors.cancelled());
    await expect(em.count(Tag, {})).rejects.toThrow();
    await em.rollback();
    expect(await stored()).toEqual([]);
  });
});
