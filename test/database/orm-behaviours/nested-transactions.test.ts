import { TransactionPropagation } from "@mikro-orm/postgresql";
import { describe, expect, test } from "vitest";
import { Tag } from "./entities.ts";
import { row, useTags } from "./tags.ts";

const { library, stored } = useTags();

describe("nested", () => {
  test("what the inner one did goes with the outer one", async () => {
    await library()
      .open()
      .em.transactional(async (outer) => {
        await outer.insert(Tag, row(1));
        await outer.transactional((inner) => inner.insert(Tag, row(2)));
      });
    expect(await stored()).toEqual([1, 2]);
  });

  test.each([
    ["by its work", async () => Promise.reject(new Error("inner"))],
    [
      "by a statement",
      async (em: { insert: (entity: typeof Tag, data: ReturnType<typeof row>) => Promise<unknown> }) =>
        em.insert(Tag, row(1)),
    ],
  ])("an inner one that fails %s leaves the outer one alive", async (_, fail) => {
    await library()
      .open()
      .em.transactional(async (outer) => {
        await outer.insert(Tag, row(1));
        const inner = outer.transactional(async (em) => {
          await em.insert(Tag, row(2));
          await fail(em);
        });
        await expect(inner).rejects.toThrow();
        await outer.insert(Tag, row(3));
      });
    expect(await stored()).toEqual([1, 3]);
  });

  test("an inner one as the very first thing, which fails", async () => {
    await library()
      .open()
      .em.transactional(async (outer) => {
        await expect(outer.transactional(() => Promise.reject(new Error("inner")))).rejects.toThrow("inner");
        await outer.insert(Tag, row(3));
      });
    expect(await stored()).toEqual([3]);
  });

  test("three deep, the middle one fails", async () => {
    await library()
      .open()
      .transaction(async ({ em }) => {
        const middle = em.transactional(async (second) => {
          await second.insert(Tag, row(2));
          await second.transactional((third) => third.insert(Tag, row(3)));
          throw new Error("middle");
        });
        await expect(middle).rejects.toThrow("middle");
        await em.insert(Tag, row(4));
      });
    expect(await stored()).toEqual([4]);
  });

  test("the outer one fails after the inner one succeeded", async () => {
    const failing = library()
      .open()
      .em.transactional(async (outer) => {
        await outer.transactional((inner) => inner.insert(Tag, row(2)));
        throw new Error("outer");
      });
    await expect(failing).rejects.toThrow("outer");
    expect(await stored()).toEqual([]);
  });

  test("a new one inside another is on its own, and pinned", async () => {
    const failing = library()
      .open()
      .em.transactional(async (outer) => {
        await outer.insert(Tag, row(1));
        await outer.transactional((inner) => inner.insert(Tag, row(2)), {
          propagation: TransactionPropagation.REQUIRES_NEW,
        });
        throw new Error("outer");
      });
    await expect(failing).rejects.toThrow("outer");
    expect(await stored()).toEqual([2]);
  });
});
