import { IsolationLevel } from "@mikro-orm/postgresql";
import { describe, expect, test } from "vitest";
import { Tag } from "./entities.ts";
import { row, useTags } from "./tags.ts";

const { library, stored } = useTags();

describe("of another kind", () => {
  test("read only: a write is refused, a read is not", async () => {
    const { em } = library().open();
    const count = await em.transactional((inner) => inner.count(Tag, {}), { readOnly: true });
    const writing = em.transactional((inner) => inner.insert(Tag, row(1)), { readOnly: true });
    await expect(writing).rejects.toMatchObject({ code: "25006" });
    expect(count).toBe(0);
  });

  test("repeatable read sees the same all the time; read committed sees what others committed", async () => {
    const counts = (isolationLevel: IsolationLevel, n: number) =>
      library()
        .open()
        .em.transactional(
          async (em) => {
            const before = await em.count(Tag, {});
            await library().open().em.insert(Tag, row(n));
            return (await em.count(Tag, {})) - before;
          },
          { isolationLevel },
        );
    expect(await counts(IsolationLevel.REPEATABLE_READ, 1)).toBe(0);
    expect(await counts(IsolationLevel.READ_COMMITTED, 2)).toBe(1);
  });

  test("serializable: one of two that look at what the other writes is refused with 40001", async () => {
    const sum = async (write: number, both: Promise<unknown>, ready: () => void) =>
      library()
        .open()
        .em.transactional(
          async (em) => {
            await em.count(Tag, {});
            ready();
            await both;
            await em.insert(Tag, row(write));
          },
          { isolationLevel: IsolationLevel.SERIALIZABLE },
        );
    const readies: (() => void)[] = [];
    const both = Promise.all([1, 2].map(() => new Promise<void>((done) => void readies.push(done))));
    const ended = await Promise.allSettled(readies.map((ready, n) => sum(n, both, ready)));
    const refused = ended.filter((end) => end.status === "rejected");
    expect(refused).toMatchObject([{ reason: { code: "40001" } }]);
    expect(await stored()).toHaveLength(1);
  });
});
