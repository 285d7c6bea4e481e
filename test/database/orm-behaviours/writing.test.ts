import { randomUUID } from "node:crypto";
import { wrap } from "@mikro-orm/postgresql";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Author, Book, Specimen, Tag } from "./entities.ts";
import { fillLibrary, type Library, needle, needleNumber, openLibrary } from "./library.ts";

let library: Library;
beforeAll(async () => {
  library = await openLibrary();
});
beforeEach(async () => {
  await library.empty();
  await fillLibrary(library);
});
afterEach(() => library.expectNoValueSent());
afterAll(() => library.close());

const stored = () =>
  library.admin<{ author_id: number; name: string }>("select author_id, name from authors order by 1");
const before = [
  { author_id: 1, name: "Ada" },
  { author_id: 2, name: "Bert" },
  { author_id: 3, name: "Cleo" },
];
const added = { author_id: needleNumber, name: needle };

describe("rows that are put in", () => {
  test("insert returns the key", async () => {
    const key = await library.open().em.insert(Author, { authorId: needleNumber, name: needle });
    expect(key).toBe(needleNumber);
    expect(await stored()).toEqual([...before, added]);
  });

  test("insertMany", async () => {
    const rows = [9, 8, 7].map((tagId) => ({ tagId, label: `${needle}${tagId}` }));
    await library.open().em.insertMany(Tag, rows);
    expect(await library.admin('select tag_id as "tagId", label from tags where tag_id > 3 order by 1 desc')).toEqual(
      rows,
    );
  });

  test("a driver's nativeInsert within a transaction", async () => {
    await library.open().transaction(async ({ em }) => {
      const ctx = em.getTransactionContext();
      const row = { authorId: needleNumber, name: needle };
      await em.getDriver().nativeInsert(Author, row, { ctx, schema: library.tenant.vault });
    });
    expect(await stored()).toEqual([...before, added]);
  });

  test("persist and flush, with the key that the database makes", async () => {
    const { em } = library.open();
    const specimen = em.create(Specimen, { note: needle, document: null });
    em.persist(specimen);
    expect(specimen.specimenId).toBeUndefined();
    await em.flush();
    expect(await library.admin("select specimen_id from specimens")).toEqual([{ specimen_id: specimen.specimenId }]);
    expect((await em.findOneOrFail(Specimen, specimen.specimenId)) === specimen).toBe(true);
  });

  test("five hundred in one flush, in a few statements", async () => {
    const { em } = library.open();
    for (let n = 0; n < 500; n++) em.persist(em.create(Specimen, { note: `${needle}${n}`, document: null }));
    await em.flush();
    expect(await library.admin("select count(*)::integer as count from specimens")).toEqual([{ count: 500 }]);
    expect(library.tap.statements().filter((sql) => /^insert/i.test(sql)).length).toBeLessThan(5);
  });

  test("a tree of new objects goes in in the order that the foreign keys ask for", async () => {
    const { em } = library.open();
    const author = em.create(Author, { authorId: 4, name: needle });
    const book = em.create(Book, {
      bookId: 4,
      title: needle,
      author,
      tags: [em.create(Tag, { tagId: 4, label: needle })],
    });
    await em.persist(book).flush();
    expect(await library.admin("select author_id from books where book_id = 4")).toEqual([{ author_id: 4 }]);
    expect(await library.admin("select tag_id from books_tags where book_id = 4")).toEqual([{ tag_id: 4 }]);
  });
});

describe("rows that are changed", () => {
  test("a flush sends what changed and nothing else", async () => {
    const { em } = library.open();
    const [ada, bert] = await em.find(Author, {}, { orderBy: { authorId: 1 } });
    if (!ada || !bert) throw new Error("no authors");
    library.tap.clear();
    ada.name = needle;
    bert.name = "Bert";
    await em.flush();
    const updates = library.tap.statements().filter((sql) => /^update/i.test(sql));
    expect(updates).toHaveLength(1);
    expect(updates[0]).not.toMatch(/rating/);
    expect((await stored())[0]).toEqual({ author_id: 1, name: needle });
  });

  test("a flush without changes sends nothing", async () => {
    const { em } = library.open();
    await em.find(Author, {});
    library.tap.clear();
    await em.flush();
    expect(library.tap.statements().filter((sql) => !/discard|close all/.test(sql))).toEqual([]);
  });

  test("several rows in one flush, each with its own value", async () => {
    const { em } = library.open();
    for (const author of await em.find(Author, {})) author.rating = author.authorId;
    await em.flush();
    expect(await library.admin("select rating from authors order by author_id")).toEqual(
      [1, 2, 3].map((rating) => ({ rating })),
    );
  });

  test("assign, refresh and a change that somebody else made", async () => {
    const { em } = library.open();
    const ada = await em.findOneOrFail(Author, 1);
    wrap(ada).assign({ name: needle, rating: 1.5 });
    await em.flush();
    await library.admin("update authors set rating = 2 where author_id = 1");
    await em.refresh(ada);
    expect(ada).toMatchObject({ name: needle, rating: 2 });
  });

  test("nativeUpdate returns how many rows it changed", async () => {
    const { em } = library.open();
    expect(await em.nativeUpdate(Author, { authorId: { $gte: 2 } }, { rating: 7.25 })).toBe(2);
    expect(await em.nativeUpdate(Author, { name: needle }, { rating: 1 })).toBe(0);
    expect(await library.admin("select author_id from authors where rating = 7.25")).toHaveLength(2);
  });

  test("a value that becomes null, and one that was never set", async () => {
    const { em } = library.open();
    const ada = await em.findOneOrFail(Author, 1);
    ada.rating = null;
    await em.flush();
    await em.insert(Author, { authorId: 4, name: needle, rating: undefined });
    expect(await library.admin("select rating from authors where author_id in (1, 4)")).toEqual([
      { rating: null },
      { rating: null },
    ]);
  });
});

describe("rows that are put in or changed", () => {
  test("upsert puts in, changes, and returns the managed row", async () => {
    const { em } = library.open();
    const made = await em.upsert(Author, { authorId: 4, name: needle });
    const changed = await em.upsert(Author, { authorId: 4, name: `${needle}2`, rating: 3 });
    expect(changed === made).toBe(true);
    expect(made).toMatchObject({ authorId: 4, name: `${needle}2`, rating: 3 });
    expect(await stored()).toEqual([...before, { author_id: 4, name: `${needle}2` }]);
  });

  test("upsert by another unique column, and one that ignores", async () => {
    const { em } = library.open();
    await em.upsert(Author, { authorId: 1, name: "Ada", rating: 2 }, { onConflictFields: ["name"] });
    await em.upsert(Author, { authorId: 2, name: needle }, { onConflictAction: "ignore" });
    expect(await stored()).toEqual(before);
    expect(await library.admin("select rating from authors where author_id = 1")).toEqual([{ rating: 2 }]);
  });

  test("upsertMany does both at once", async () => {
    const rows = [
      { authorId: 3, name: `${needle}3` },
      { authorId: 4, name: `${needle}4` },
    ];
    const authors = await library.open().em.upsertMany(Author, rows);
    expect(authors.map(({ authorId }) => authorId)).toEqual([3, 4]);
    expect((await stored()).slice(2)).toEqual(rows.map(({ authorId, name }) => ({ author_id: authorId, name })));
  });

  test("an upsert of a row that was read from another vault is refused before anything is sent", async () => {
    const other = await library.provision(`other-${randomUUID().slice(0, 8)}`);
    const author = await library.open().em.findOneOrFail(Author, 1);
    library.tap.clear();
    await expect(library.open({ tenant: other }).em.upsert(author)).rejects.toThrow(/two vaults/);
    expect(library.tap.statements().filter((sql) => /insert/i.test(sql))).toEqual([]);
  });
});

describe("rows that are taken out", () => {
  test("remove and flush", async () => {
    const { em } = library.open();
    em.remove(await em.findOneOrFail(Author, 3));
    await em.flush();
    expect(await stored()).toEqual(before.slice(0, 2));
    expect(await em.findOne(Author, 3)).toBeNull();
  });

  test("nativeDelete returns how many rows it took", async () => {
    const { em } = library.open();
    expect(await em.nativeDelete(Book, { title: { $in: ["Waves", "Notes", needle] } })).toBe(2);
    expect(await em.nativeDelete(Book, { bookId: needleNumber })).toBe(0);
    expect(await em.count(Book, {})).toBe(1);
  });
});
