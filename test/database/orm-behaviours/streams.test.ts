import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { expectQuiet } from "../../support/locks.ts";
import { Book, Tag } from "./entities.ts";
import { fillLibrary, type Library, needle, needleNumber, openLibrary } from "./library.ts";

let library: Library;
beforeAll(async () => {
  library = await openLibrary(2);
  await fillLibrary(library);
  await library.admin("insert into tags (tag_id, label) select n, 'tag ' || n from generate_series(1000, 2999) as n");
});
beforeEach(() => library.tap.clear());
afterAll(async () => {
  await library.close();
});

const many = { where: { tagId: { $gte: 1000 } }, orderBy: { tagId: 1 } } as const;

describe("a stream of entities", () => {
  afterEach(() => expectQuiet(library.database));

  test("gives every row once, in order, a chunk at a time", async () => {
    const seen = await library.open().transaction(async ({ em }) => {
      const ids: number[] = [];
      for await (const tag of em.stream(Tag, { ...many, chunkSize: 100 })) ids.push(tag.tagId);
      return ids;
    });
    expect(seen).toEqual(Array.from({ length: 2_000 }, (_, n) => 1_000 + n));
    expect(library.tap.sent.filter(({ type }) => type === "E").length).toBeGreaterThanOrEqual(20);
  });

  test("with what it populates", async () => {
    const titles = await library.open().transaction(async ({ em }) => {
      const seen: string[] = [];
      for await (const book of em.stream(Book, { populate: ["author"], orderBy: { bookId: 1 } })) {
        seen.push(`${book.author.name}: ${book.title}`);
      }
      return seen;
    });
    expect(titles).toEqual(["Ada: Engines", "Ada: Notes", "Bert: Waves"]);
  });

  test.each([1, 150])("left early, after %i rows: the transaction goes on and commits", async (rows) => {
    await library.open().transaction(async ({ em }) => {
      let seen = 0;
      for await (const tag of em.stream(Tag, { ...many, chunkSize: 100 })) {
        if (tag.tagId > 0 && ++seen === rows) break;
      }
      expect(await em.nativeUpdate(Tag, { tagId: 3 }, { label: `left ${rows}` })).toBe(1);
    });
    expect(await library.admin("select label from tags where tag_id = 3")).toEqual([{ label: `left ${rows}` }]);
  });

  test("left by an error undoes the transaction", async () => {
    const failing = library.open().transaction(async ({ em }) => {
      await em.nativeUpdate(Tag, { tagId: 3 }, { label: "lost" });
      for await (const tag of em.stream(Tag, many)) throw new Error(`at ${tag.tagId}`);
    });
    await expect(failing).rejects.toThrow("at 1000");
    expect(await library.admin("select from tags where label = 'lost'")).toEqual([]);
  });

  test("outside of a transaction is refused before anything is sent: it would not be pinned", async () => {
    const stream = library.open().em.stream(Tag, many);
    await expect(stream.next()).rejects.toThrow(/transaction/);
    expect(library.tap.statements().filter((sql) => /tags/.test(sql))).toEqual([]);
  });

  test("as the first thing of a transaction reads its own vault", async () => {
    const other = await library.provision("other");
    const count = await library.open({ tenant: other }).em.transactional(async (em) => {
      let rows = 0;
      for await (const tag of em.stream(Tag)) rows += tag.tagId > 0 ? 1 : 0;
      return rows;
    });
    expect(count).toBe(0);
  });

  test("ends when the signal fires, and the connection serves the next one", async () => {
    const abort = new AbortController();
    let seen = 0;
    const streaming = library.open({ signal: abort.signal }).transaction(async ({ em }) => {
      for await (const tag of em.stream(Tag, { ...many, chunkSize: 100 })) {
        if (tag.tagId > 0 && ++seen === 150) abort.abort(new Error("enough"));
      }
    });
    await expect(streaming).rejects.toThrow();
    expect(seen).toBeLessThan(2_000);
    expect(await library.open().em.count(Tag, { tagId: { $gte: 1000 } })).toBe(2_000);
  });
});

describe("a query builder's stream", () => {
  test("gives every row, and may be left early", async () => {
    await library.open().transaction(async ({ em }) => {
      const builder = () =>
        em
          .createQueryBuilder(Tag, "t")
          .where({ tagId: { $gte: 1000 } })
          .orderBy({ tagId: 1 });
      let seen = 0;
      for await (const tag of builder().stream({ chunkSize: 100 })) seen += tag.tagId >= 1000 ? 1 : 0;
      expect(seen).toBe(2_000);
      for await (const tag of builder().stream({ chunkSize: 100 })) {
        if (tag.tagId === 1_100) break;
      }
      expect(await em.count(Tag, { tagId: { $gte: 1000 } })).toBe(2_000);
    });
  });
});

// MikroORM's connection sends a stream's statement with the values in its text; the driver binds them for
// every other statement, and not here.
describe("values in a stream's condition are bound", () => {
  const stream = async (where: object) => {
    await library.open().transaction(async ({ em }) => {
      for await (const tag of em.stream(Tag, { where })) throw new Error(`found ${tag.tagId}`);
    });
    library.expectNoValueSent();
  };
  test("a text", () => stream({ label: needle }));
  test("a number", () => stream({ tagId: needleNumber }));
});
