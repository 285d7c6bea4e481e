import { raw, sql } from "@mikro-orm/postgresql";
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

describe("em.execute", () => {
  const cases: [string, string, unknown[] | Record<string, unknown>, unknown][] = [
    ["a text", "select ?::text as v", [needle], needle],
    ["a number", "select ?::integer as v", [needleNumber], needleNumber],
    ["a bigint", "select ?::bigint::text as v", [918_273_645_000n], "918273645000"],
    ["a boolean", "select ?::boolean as v", [false], false],
    ["null", "select ?::text as v", [null], null],
    ["undefined", "select ?::text as v", [undefined], null],
    ["a date", "select extract(epoch from ?::timestamptz)::integer as v", [new Date(1_234_567_890_000)], 1_234_567_890],
    ["bytes", "select encode(?::bytea, 'hex') as v", [Buffer.from([0, 39, 255])], "0027ff"],
    ["a document", "select ?::jsonb ->> 'key' as v", [{ key: needle }], needle],
    ["a list for in", "select count(*)::integer as v from authors where name in (?)", [["Ada", needle, "Bert"]], 2],
    ["an identifier", "select count(??)::integer as v from authors", ["rating"], 2],
    ["an identifier that ends its quotation", "select 1 as ??", ['v" from nowhere; --'], undefined],
    ["a question mark that is an operator", "select '{\"a\": 1}'::jsonb \\? ? as v", ["a"], true],
    ["many, one of them twice", "select (?::text || ?::text || ?::text) as v", ["a", needle, "a"], `a${needle}a`],
    [
      "by name",
      "select (:first::text || :second::text || :first::text) as v",
      { first: "a", second: needle },
      `a${needle}a`,
    ],
    [
      "a value that looks like a place",
      "select ?::text || ?::text as v",
      ["? $1 $2 :name ", needle],
      `? $1 $2 :name ${needle}`,
    ],
    ["none", "select 'x' as v", [], "x"],
  ];
  test.each(cases)("%s", async (_, text, values, expected) => {
    const { em } = library.open();
    const own = await em.execute<Record<string, unknown>[]>(text, values as unknown[]);
    const inside = await em.transactional((inner) =>
      inner.execute<Record<string, unknown>[]>(text, values as unknown[]),
    );
    for (const rows of [own, inside]) {
      if (expected === undefined) expect(Object.keys(rows[0] ?? {})).toEqual(values);
      else expect(rows).toEqual([{ v: expected }]);
    }
  });

  test("returns rows, one row, or what was done", async () => {
    const { em } = library.open();
    const update = "update authors set rating = ? where author_id > ? returning author_id";
    expect(await em.execute("select author_id from authors order by 1", [], "get")).toEqual({ author_id: 1 });
    expect(await em.execute(update, [3, 1], "run")).toMatchObject({ affectedRows: 2, row: { author_id: 2 } });
    expect(await em.execute("select 1 where false")).toEqual([]);
  });

  test("sees and undoes what its transaction did", async () => {
    const failing = library.open().em.transactional(async (em) => {
      await em.execute("insert into tags (tag_id, label) values (?, ?)", [7, needle]);
      expect(await em.findOne(Tag, { label: needle })).toMatchObject({ tagId: 7 });
      throw new Error("undone");
    });
    await expect(failing).rejects.toThrow("undone");
    expect(await library.open().em.count(Tag, { tagId: 7 })).toBe(0);
  });
});

describe("raw fragments", () => {
  test("in a condition, an order and a value", async () => {
    const { em } = library.open();
    const longest = await em.find(
      Author,
      { [raw("length(name) + ?", [0])]: 4 },
      { orderBy: { [raw("lower(name)")]: "desc" } },
    );
    expect(longest.map(({ name }) => name)).toEqual(["Cleo", "Bert"]);
    await em.nativeUpdate(Author, { authorId: 1 }, { name: raw<string>("upper(name) || ?", [needle]) });
    expect(await library.admin("select name from authors where author_id = 1")).toEqual([{ name: `ADA${needle}` }]);
  });

  test("by template, as a condition and a select", async () => {
    const { em } = library.open();
    const found = await em.find(Author, { [sql`${sql.ref("name")} = ${"Ada"}`]: [] });
    expect(found).toHaveLength(1);
    expect(await em.execute(sql`select ${needle}::text as v, ${1}::integer + ${2} as sum`)).toEqual([
      { v: needle, sum: 3 },
    ]);
  });

  test("in a row that a flush puts in", async () => {
    const { em } = library.open();
    const row = { authorId: needleNumber, name: raw("upper(?)", ["ada"]) };
    await em.insert(Author, row);
    expect((await em.findOneOrFail(Author, needleNumber)).name).toBe("ADA");
  });
});

describe("the query builder", () => {
  const builder = () => library.open().em.createQueryBuilder(Book, "b");

  test("select, join, where, group, having, order, limit", async () => {
    const rows = await builder()
      .join("b.author", "a")
      .select(["a.name", raw("count(*)::integer as books")])
      .where({ title: { $ne: needle } })
      .groupBy("a.name")
      .having("count(*) > ?", [1])
      .orderBy({ "a.name": "asc" })
      .limit(5)
      .execute<{ name: string; books: number }[]>();
    expect(rows).toEqual([{ name: "Ada", books: 2 }]);
  });

  test("getResultAndCount, getSingleResult and a joined relation that is filled", async () => {
    const [books, count] = await builder()
      .leftJoinAndSelect("b.tags", "t")
      .orderBy({ bookId: 1 })
      .limit(1)
      .getResultAndCount();
    expect([books[0]?.tags.getItems().map(({ label }) => label), count]).toEqual([["science"], 3]);
    expect(await builder().where({ title: needle }).getSingleResult()).toBeNull();
  });

  test("insert with a conflict, update and delete", async () => {
    const { em } = library.open();
    await em.createQueryBuilder(Tag).insert({ tagId: 1, label: needle }).onConflict("tagId").merge(["label"]).execute();
    expect(await library.admin("select label from tags where tag_id = 1")).toEqual([{ label: needle }]);
    const updated = await em.createQueryBuilder(Tag).update({ label: "new" }).where({ label: needle }).execute();
    expect(updated.affectedRows).toBe(1);
    const deleted = await em
      .createQueryBuilder(Tag)
      .delete({ label: { $in: ["unused", needle] } })
      .execute();
    expect(deleted.affectedRows).toBe(1);
  });

  test("a subquery and a condition as text", async () => {
    const { em } = library.open();
    const long = em
      .createQueryBuilder(Book, "i")
      .select("i.author")
      .where("i.pages > ? and i.title <> ?", [100, needle]);
    const authors = await em
      .createQueryBuilder(Author, "a")
      .where({ authorId: { $in: long.toRaw() } })
      .getResult();
    expect(authors.map(({ name }) => name)).toEqual(["Ada"]);
  });

  test("within a transaction is part of it", async () => {
    const failing = library.open().em.transactional(async (em) => {
      await em
        .createQueryBuilder(Specimen)
        .insert({ note: needle, document: { a: needle }, words: [needle] })
        .execute();
      expect(await em.count(Specimen, { note: needle })).toBe(1);
      throw new Error("undone");
    });
    await expect(failing).rejects.toThrow("undone");
    expect(await library.admin("select from specimens")).toEqual([]);
  });
});
