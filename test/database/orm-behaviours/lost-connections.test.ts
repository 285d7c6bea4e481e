import { DriverException } from "@mikro-orm/postgresql";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { statement } from "../../../src/database/statement.ts";
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
  // A setting that stays, or a connection that is none any more, would fail one of these.
  for (let n = 0; n < 10; n++) await library.open().em.insert(Tag, { tagId: 1_000 + n, label: `after ${n}` });
  library.expectNoValueSent();
});
afterAll(() => library.close());

type Session = ReturnType<Library["open"]>;
const row = { tagId: 1, label: needle };
const sleep = (seconds: number) => statement<[], object>(`select pg_sleep(${seconds})`);
const stored = () => library.admin("select tag_id from tags");
const backend = statement<[], { pid: number }>("select pg_backend_pid() as pid");

describe("the server's time limit", () => {
  const short = () => library.open({ timeoutMs: 1 });

  test("stops a statement of a manager, first or second, with 57014", async () => {
    const first = short().em.execute("select pg_sleep(20)");
    await expect(first).rejects.toBeInstanceOf(DriverException);
    await expect(first).rejects.toMatchObject({ code: "57014" });
    const second = short().em.transactional(async (em) => {
      await em.insert(Tag, row);
      await em.execute("select pg_sleep(20)");
    });
    await expect(second).rejects.toMatchObject({ code: "57014" });
    expect(await stored()).toEqual([]);
  });

  test("is a session's DEADLINE_EXCEEDED", async () => {
    await expect(short().query(sleep(20), [])).rejects.toMatchObject({ reason: ErrorReason.DEADLINE_EXCEEDED });
  });

  test("is not the next one's", async () => {
    await short().em.execute("select 1");
    await Promise.all([1, 2].map(() => library.open().query(sleep(0.4), [])));
  });
});

describe("a connection that ends", () => {
  const kill = (pid: unknown) => library.admin("select pg_terminate_backend($1, 5000)", [pid]);
  const pidOf = async (em: Session["em"]) =>
    (await em.execute<{ pid: number }[]>("select pg_backend_pid() as pid"))[0]?.pid;

  test("killed between two statements: the transaction fails and is undone", async () => {
    const failing = library.open().em.transactional(async (em) => {
      await em.insert(Tag, row);
      await kill(await pidOf(em as Session["em"]));
      await em.insert(Tag, { tagId: 2, label: "two" });
    });
    await expect(failing).rejects.toThrow();
    expect(await stored()).toEqual([]);
  });

  test("killed while its first statement waits", async () => {
    const table = await holdTable(library.database, library.tenant.tenantId, "tags");
    const running = library.open().em.insert(Tag, row);
    running.catch(() => undefined);
    await table.waiting();
    await library.admin(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    await expect(running).rejects.toMatchObject({ code: "57P01" });
    await table.release();
    expect(await stored()).toEqual([]);
  });

  test("killed before the commit: nobody is told that it was done", async () => {
    const failing = library.open().transaction(async ({ em, query }) => {
      await em.insert(Tag, row);
      await kill((await query(backend, []))[0]?.pid);
    });
    await expect(failing).rejects.toMatchObject({ reason: ErrorReason.COMMIT_UNKNOWN });
    expect(await stored()).toEqual([]);
  });

  test("killed while the pool has it: the next one gets another", async () => {
    const pid = await pidOf(library.open().em);
    await kill(pid);
    await expect.poll(() => pidOf(library.open().em).catch(() => pid), { interval: 5 }).not.toBe(pid);
  });

  test("a network that vanishes in a transaction: the server undoes it", async () => {
    const failing = library.open().em.transactional(async (em) => {
      await em.insert(Tag, row);
      library.tap.drop();
      await em.insert(Tag, { tagId: 2, label: "two" });
    });
    await expect(failing).rejects.toThrow();
    await expectQuiet(library.database);
    expect(await stored()).toEqual([]);
  });
});
