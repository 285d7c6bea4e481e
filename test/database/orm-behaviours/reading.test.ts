import { NotFoundError, QueryOrder } from "@mikro-orm/postgresql";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Author, Book, Specimen } from "./entities.ts";
import { fillLibrary, type Library, needle, needleNumber, openLibrary } from "./library.ts";

let library: Library;
beforeAll(async () => {
  library = await openLibrary();
  await fillLibrary(library);
  await library.admin(
    `insert into specimens (specimen_id, note, whole, document, words, flag) values
       ('00000000-0000-4000-8000-000000000001', 'one', 1, '{"a": 1, "list": [{"b": 2}]}', '{x,y}', true),
       ('00000000-0000-4000-8000-000000000002', 'Two%', 2, '{"c": null}', '{y,z}', false),
       ('00000000-0000-4000-8000-000000000003', null, null, null, '{}', null)`,
  );
});
afterEach(() => library.expectNoValueSent());
afterAll(() => library.close());

const names = (authors: readonly { name: string }[]) => authors.map(({ name }) => name);

describe("what is found", () => {
  test("find, findAll, findOne and findOneOrFail", async () => {
    const { em } = library.open();
    expect(names(await em.find(Author, {}, { orderBy: { authorId: "asc" } }))).toEqual(["Ada", "Bert", "Cleo"]);
    expect(await em.findAll(Author, { where: { name: needle } })).toEqual([]);
    expect(await em.findOne(Author, { name: "Bert" })).toMatchObject({ authorId: 2, rating: null });
    expect(await em.findOne(Author, needleNumber)).toBeNull();
    await expect(em.findOneOrFail(Author, { name: needle })).rejects.toThrow(NotFoundError);
  });

  test("findAndCount counts all and returns a page; count counts", async () => {
    const { em } = library.open();
    const [page, total] = await em.findAndCount(Author, {}, { orderBy: { name: "desc" }, limit: 1, offset: 1 });
    expect([names(page), total]).toEqual([["Bert"], 3]);
    expect(await em.count(Book, { author: 1 })).toBe(2);
    expect(await em.count(Book, { title: needle })).toBe(0);
  });

  test("limit and offset, also where they go beyond the rows", async () => {
    const { em } = library.open();
    const page = (limit: number, offset: number) => em.find(Author, {}, { orderBy: { authorId: 1 }, limit, offset });
    expect(names(await page(2, 1))).toEqual(["Bert", "Cleo"]);
    expect(await page(2, needleNumber)).toEqual([]);
    expect(names(await page(needleNumber, 2))).toEqual(["Cleo"]);
  });

  test("a cursor's pages follow each other without a gap", async () => {
    const { em } = library.open();
    const first = await em.findByCursor(Author, { first: 2, orderBy: { name: "asc" } });
    const second = await em.findByCursor(Author, { first: 2, after: first, orderBy: { name: "asc" } });
    expect([names(first.items), names(second.items)]).toEqual([["Ada", "Bert"], ["Cleo"]]);
    expect([first.hasNextPage, second.hasNextPage, first.totalCount]).toEqual([true, false, 3]);
  });

  test("orderBy with nulls at either end, and by a relation", async () => {
    const { em } = library.open();
    const sorted = async (rating: QueryOrder) => names(await em.find(Author, {}, { orderBy: { rating } }));
    expect(await sorted(QueryOrder.ASC_NULLS_FIRST)).toEqual(["Bert", "Cleo", "Ada"]);
    expect(await sorted(QueryOrder.DESC_NULLS_LAST)).toEqual(["Ada", "Cleo", "Bert"]);
    const books = await em.find(Book, {}, { orderBy: [{ author: { name: "desc" } }, { title: "asc" }] });
    expect(books.map(({ title }) => title)).toEqual(["Waves", "Engines", "Notes"]);
  });

  test("only the fields asked for", async () => {
    const [author] = await library.open().em.find(Author, { authorId: 1 }, { fields: ["name"] });
    expect(JSON.parse(JSON.stringify(author))).toEqual({ authorId: 1, name: "Ada" });
  });

  test("the manager gives the same object for the same row, and another manager another one", async () => {
    const { em } = library.open();
    const one = await em.findOneOrFail(Author, 1);
    expect((await em.findOneOrFail(Author, { name: "Ada" })) === one).toBe(true);
    expect((await library.open().em.findOneOrFail(Author, 1)) === one).toBe(false);
  });
});

describe("where", () => {
  const cases: [string, object, number[]][] = [
    ["$eq", { name: { $eq: "Ada" } }, [1]],
    ["$ne", { name: { $ne: "Ada" } }, [2, 3]],
    ["$in", { authorId: { $in: [1, 3, needleNumber] } }, [1, 3]],
    ["$in of nothing", { authorId: { $in: [] } }, []],
    ["$nin", { authorId: { $nin: [1, needleNumber] } }, [2, 3]],
    ["$gt and $lte", { rating: { $gt: 4, $lte: 9.5 } }, [1]],
    ["$gte and $lt", { rating: { $gte: 4, $lt: 9.5 } }, [3]],
    ["null", { rating: null }, [2]],
    ["$ne null", { rating: { $ne: null } }, [1, 3]],
    ["$exists", { rating: { $exists: true } }, [1, 3]],
    ["$like", { name: { $like: "%e%" } }, [2, 3]],
    ["$ilike", { name: { $ilike: "a%" } }, [1]],
    ["$re", { name: /^[AB]/ }, [1, 2]],
    ["$or", { $or: [{ name: "Ada" }, { name: needle }, { authorId: 3 }] }, [1, 3]],
    ["$and and $not", { $and: [{ authorId: { $lt: 3 } }, { $not: { name: "Ada" } }] }, [2]],
    ["a relation", { books: { title: "Waves" } }, [2]],
    ["$some", { books: { $some: { pages: { $lt: 100 } } } }, [1]],
    ["$none", { books: { $none: { title: { $like: "%s" } } } }, [3]],
    // A row that the condition can say nothing about counts as one that it holds for.
    ["$every", { books: { $every: { pages: { $gt: 100 } } } }, [2, 3]],
  ];
  test.each(cases)("%s", async (_, where, ids) => {
    const found = await library.open().em.find(Author, where, { orderBy: { authorId: "asc" } });
    expect(found.map(({ authorId }) => authorId)).toEqual(ids);
  });

  const specimens: [string, object, (string | null)[]][] = [
    ["an array that overlaps", { words: { $overlap: ["x", needle] } }, ["one"]],
    ["an array that contains", { words: { $contains: ["y"] } }, ["one", "Two%"]],
    ["an array that is contained", { words: { $contained: ["x", "y", needle] } }, ["one", null]],
    ["a key of a document", { document: { $hasKey: "c" } }, ["Two%"]],
    ["some keys of a document", { document: { $hasSomeKeys: ["a", needle] } }, ["one"]],
    ["all keys of a document", { document: { $hasKeys: ["a", "list"] } }, ["one"]],
    ["a value in a document", { document: { a: 1 } }, ["one"]],
    ["what a document contains", { document: { $contains: { list: [{ b: 2 }] } } }, ["one"]],
    ["a bigint", { whole: 2n }, ["Two%"]],
    ["a boolean", { flag: false }, ["Two%"]],
    ["a text with a quotation mark", { note: needle }, []],
  ];
  test.each(specimens)("%s", async (_, where, notes) => {
    const found = await library.open().em.find(Specimen, where, { orderBy: { specimenId: "asc" } });
    expect(found.map(({ note }) => note)).toEqual(notes);
  });
});

test("a manager reads its own vault, whatever other managers read", async () => {
  const other = await library.provision("other");
  expect(await library.open({ tenant: other }).em.find(Author, {})).toEqual([]);
  expect(await library.open().em.count(Author, {})).toBe(3);
});
