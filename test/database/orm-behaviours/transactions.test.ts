import { describe, expect, test } from "vitest";
import { Author, Tag } from "./entities.ts";
import { row, useTags } from "./tags.ts";

const { library, stored } = useTags();

describe("transactional", () => {
  test("commits what its work did and flushes what it left to be flushed", async () => {
    const { em } = library().open();
    const result = await em.transactional(async (inner) => {
      await inner.insert(Tag, row(1));
      inner.persist(inner.create(Tag, row(2)));
      return "done";
    });
    expect([result, await stored()]).toEqual(["done", [1, 2]]);
  });

  test("undoes everything when the work throws, and throws what was thrown", async () => {
    const error = new Error("work");
    const failing = library()
      .open()
      .em.transactional(async (inner) => {
        await inner.insert(Tag, row(1));
        throw error;
      });
    await expect(failing).rejects.toBe(error);
    expect(await stored()).toEqual([]);
  });

  test("undoes everything when the work throws before its first statement", async () => {
    const error = new Error("work");
    const work = () => Promise.reject(error);
    await expect(library().open().em.transactional(work)).rejects.toBe(error);
    expect(await library().open().em.count(Tag, {})).toBe(0);
  });

  test("without a statement is done and sends no work", async () => {
    expect(
      await library()
        .open()
        .em.transactional(async () => 1),
    ).toBe(1);
    expect(
      await library()
        .open()
        .transaction(async () => 2),
    ).toBe(2);
    expect(await library().open().em.count(Tag, {})).toBe(0);
  });

  test("a statement that fails dooms it, even when the work catches the error", async () => {
    const failing = library()
      .open()
      .em.transactional(async (inner) => {
        await inner.insert(Tag, row(1));
        await inner.insert(Tag, row(1)).catch(() => undefined);
        await inner.insert(Tag, row(2));
      });
    await expect(failing).rejects.toMatchObject({ code: "25P02" });
    expect(await stored()).toEqual([]);
  });

  test("a first statement that fails dooms it as well", async () => {
    await library().open().em.insert(Tag, row(1));
    const failing = library()
      .open()
      .em.transactional(async (inner) => {
        await inner.insert(Tag, row(1)).catch(() => undefined);
        await inner.insert(Tag, row(2));
      });
    await expect(failing).rejects.toMatchObject({ code: "25P02" });
    expect(await stored()).toEqual([1]);
  });

  test("a first statement that fails, its error caught, does not commit what was never done", async () => {
    await library().open().em.insert(Tag, row(1));
    let caught = 0;
    await library()
      .open()
      .em.transactional(async (inner) => {
        await inner.insert(Tag, row(1)).catch(() => caught++);
      })
      .catch(() => undefined);
    expect([caught, await stored()]).toEqual([1, [1]]);
  });

  // PostgreSQL answers such a commit with ROLLBACK and no error, and neither Kysely nor MikroORM looks.
  test.each(["transactional", "a session's transaction"])(
    "%s: not told as done, when all of it was undone",
    async (way) => {
      const work = async (em: { insert: (entity: typeof Tag, data: ReturnType<typeof row>) => Promise<unknown> }) => {
        await em.insert(Tag, row(1));
        await em.insert(Tag, row(1)).catch(() => undefined);
      };
      const session = library().open();
      const running =
        way === "transactional" ? session.em.transactional(work) : session.transaction(({ em }) => work(em));
      await expect(running).rejects.toThrow();
    },
  );

  test("statements sent at once run one after the other in it", async () => {
    await library()
      .open()
      .em.transactional(async (inner) => {
        await Promise.all([1, 2, 3, 4, 5].map((n) => inner.insert(Tag, row(n))));
        expect(await inner.count(Tag, {})).toBe(5);
      });
    expect(await stored()).toEqual([1, 2, 3, 4, 5]);
  });

  test("statements sent at once of which the first fails leave nothing", async () => {
    await library().open().em.insert(Tag, row(3));
    const failing = library()
      .open()
      .em.transactional(async (inner) => {
        await Promise.all([3, 4, 5].map((n) => inner.insert(Tag, row(n))));
      });
    await expect(failing).rejects.toThrow();
    expect(await stored()).toEqual([3]);
  });
});

describe("explicit", () => {
  test("begin and commit", async () => {
    const { em } = library().open();
    await em.begin();
    await em.insert(Tag, row(1));
    expect(await stored()).toEqual([]);
    em.persist(em.create(Tag, row(2)));
    await em.commit();
    expect([em.isInTransaction(), await stored()]).toEqual([false, [1, 2]]);
  });

  test("begin and rollback, then work on", async () => {
    const { em } = library().open();
    await em.begin();
    await em.insert(Tag, row(1));
    await em.rollback();
    await em.insert(Tag, row(2));
    expect(await stored()).toEqual([2]);
  });

  test("begin and commit or rollback with nothing in between", async () => {
    const { em } = library().open();
    await em.begin();
    await em.commit();
    await em.begin();
    await em.rollback();
    await em.insert(Tag, row(1));
    expect(await stored()).toEqual([1]);
  });
});

test("two managers at the same time, of two tenants, see each their own and not what is not committed", async () => {
  const other = await library().provision("neighbour");
  const [one, two] = [library().open().em, library().open({ tenant: other }).em];
  await one.begin();
  await two.begin();
  await one.insert(Author, { authorId: 1, name: "ours" });
  await two.insert(Author, { authorId: 1, name: "theirs" });
  expect((await two.findOneOrFail(Author, 1)).name).toBe("theirs");
  expect((await one.findOneOrFail(Author, 1)).name).toBe("ours");
  expect(await library().open().em.count(Author, {})).toBe(0);
  await one.commit();
  await two.rollback();
  expect(await library().open().em.count(Author, {})).toBe(1);
  expect(await library().open({ tenant: other }).em.count(Author, {})).toBe(0);
});
