import type { SqlEntityManager } from "@mikro-orm/postgresql";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { statement } from "../../../src/database/statement.ts";
import type { TenantSession } from "../../../src/tenancy/session.ts";
import { expectQuiet } from "../../support/locks.ts";
import { Author, Book, Specimen, Tag } from "./entities.ts";
import { fillLibrary, type Library, needle, openLibrary } from "./library.ts";

// MikroORM pins a statement outside of a transaction by a transaction of its own. That has to be one write, and must not
// become one where it takes several statements to do what was asked for.
let library: Library;
beforeAll(async () => {
  library = await openLibrary(1);
});
beforeEach(async () => {
  await library.empty();
  await fillLibrary(library);
  // The connection knows its backend by now, and the pin is parsed.
  await library.open().em.count(Tag, {});
  await library.open().em.count(Tag, {});
  library.tap.clear();
});
afterEach(async () => {
  await expectQuiet(library.database);
  library.expectNoValueSent();
});
afterAll(() => library.close());

type Manager = TenantSession["em"];

/** The clean-up of the connection: eight statements and one Sync. */
const cleanUp = `${"PBE".repeat(8)}S`;

/**
 * Runs something with a manager, and returns the letters of what was sent for it: without the clean-up of the connection, and
 * without the Parse of the pin, which is needed after each.
 */
async function lettersOf(work: (em: Manager) => Promise<unknown>): Promise<string> {
  library.tap.clear();
  await work(library.open().em);
  const letters = library.tap.sent.map(({ type }) => type).join("");
  return letters.replaceAll(cleanUp, "").replaceAll("PBEP", "BEP");
}

/** The pin, the statement, and one Sync. */
const oneWrite = "BEPBDES";
const begin = "PBDE";
/** BEGIN, the pin, the statement, COMMIT, and one Sync. */
const oneBlock = `${begin}${oneWrite.slice(0, -1)}PBDES`;

describe("one write, with the pin and one Sync", () => {
  const tag = (n: number) => ({ tagId: n, label: `${needle}${n}` });
  const statements: [string, (em: Manager) => Promise<unknown>][] = [
    ["find", (em) => em.find(Author, { name: needle })],
    ["findOne", (em) => em.findOne(Author, 1)],
    ["findAll", (em) => em.findAll(Author)],
    ["count", (em) => em.count(Book, { pages: { $gt: 1 } })],
    ["countBy", (em) => em.countBy(Book, "author")],
    ["a populate that is joined", (em) => em.find(Book, {}, { populate: ["author"], strategy: "joined" })],
    ["insert", (em) => em.insert(Tag, tag(10))],
    ["insertMany", (em) => em.insertMany(Tag, [tag(10), tag(11)])],
    ["nativeUpdate", (em) => em.nativeUpdate(Tag, { tagId: 3 }, { label: needle })],
    ["nativeDelete", (em) => em.nativeDelete(Tag, { tagId: 3 })],
    ["upsert", (em) => em.upsert(Tag, tag(3))],
    ["upsertMany", (em) => em.upsertMany(Tag, [tag(3), tag(10)])],
    ["execute", (em) => em.execute("select ?::text as v", [needle])],
    [
      "a query builder",
      (em) => (em as SqlEntityManager).createQueryBuilder(Author).select("*").where({ name: needle }).execute(),
    ],
  ];

  test.each(statements)("%s", async (_, work) => {
    expect(await lettersOf(work)).toBe(oneWrite);
  });

  test("what was written is committed", async () => {
    const { em } = library.open();
    await em.insert(Tag, tag(10));
    await em.nativeDelete(Tag, { tagId: 3 });
    const ids = (await library.admin<{ tag_id: number }>("select tag_id from tags order by tag_id")).map(
      ({ tag_id }) => tag_id,
    );
    expect(ids).toEqual([1, 2, 10]);
  });

  test("each, when a populate takes several", async () => {
    const letters = await lettersOf((em) => em.find(Author, {}, { populate: ["books"], strategy: "select-in" }));
    expect(letters).toBe(oneWrite.repeat(2));
  });

  test("one that fails is rolled back, and the connection serves the next", async () => {
    const letters = await lettersOf(async (em) => {
      await expect(em.insert(Tag, tag(1))).rejects.toMatchObject({ code: "23505" });
      await expect(em.execute("select 1 / 0")).rejects.toMatchObject({ code: "22012" });
      expect(await em.execute("select ?::text as v", [needle])).toEqual([{ v: needle }]);
    });
    // The error has undone it: there is nothing to roll back.
    expect(letters).toBe(oneWrite.repeat(3));
  });

  test("one that is cancelled while it runs does nothing, and the connection serves the next", async () => {
    const controller = new AbortController();
    const { em } = library.open({ signal: controller.signal });
    const running = em.execute("insert into tags (tag_id, label) select 10, pg_sleep(5)::text");
    setTimeout(() => controller.abort(new Error("nobody waits")), 50);
    await expect(running).rejects.toThrow();
    expect(await library.open().em.count(Tag, { tagId: 10 })).toBe(0);
  });

  test.each(["commit", "rollback"])("one whose text would %s in the middle and go on cannot", async (word) => {
    await library.admin("grant usage on language plpgsql to public");
    const leaving = `do $$ begin ${word}; insert into tags (tag_id, label) values (10, 'left'); end $$`;
    await expect(library.open().em.execute(leaving)).rejects.toMatchObject({ code: "2D000" });
    await expect(library.open().query(statement<[], never>(leaving), [])).rejects.toMatchObject({ code: "2D000" });
    await library.admin("revoke usage on language plpgsql from public");
    expect(await library.admin("select from tags where tag_id = 10")).toEqual([]);
  });

  test("a text that is no data command, which has BEGIN and COMMIT in that write", async () => {
    const { em } = library.open();
    for (const text of ["explain select 1", "-- labelled\nselect 1", "(select 1)"]) {
      expect([text, await lettersOf((em) => em.execute(text))]).toEqual([text, oneBlock]);
    }
    expect(await lettersOf((em) => expect(em.execute("explain select 1 / 0")).rejects.toThrow())).toBe(
      `${oneBlock}${begin}S`,
    );
    await em.count(Tag, {});
  });

  test.each(["commit", "rollback"])("no function that a data command calls can %s and go on", async (word) => {
    await library.admin(`
      create function leaving() returns integer language plpgsql as
      $$ begin ${word}; insert into tags (tag_id, label) values (10, 'left'); return 1; end $$
    `);
    await library.admin("grant execute on function leaving() to public");
    await library.admin("create view departures as select leaving() as n");
    await library.admin("grant select on departures to public");
    const texts = [
      "select leaving()",
      "SELECT leaving()",
      "with one as materialized (select leaving() as n) select n from one",
      "values (leaving())",
      "table departures",
      "insert into tags (tag_id, label) values (leaving(), 'n')",
      "update tags set tag_id = leaving() where tag_id = 3",
      "delete from tags where tag_id = leaving()",
      "merge into tags using (values (leaving())) as one (n) on tag_id = n when matched then delete",
    ];
    try {
      for (const text of texts) {
        await expect(library.open().em.execute(text), text).rejects.toMatchObject({ code: "2D000" });
        await expect(library.open().query(statement<[], never>(text), []), text).rejects.toMatchObject({
          code: "2D000",
        });
      }
    } finally {
      await library.admin("drop function leaving() cascade");
    }
    expect(await library.admin("select from tags where tag_id = 10")).toEqual([]);
    expect(await library.admin("select from tags")).toHaveLength(3);
  });

  test("one whose text begins a transaction leaves none behind", async () => {
    await library.open().em.execute("begin");
    await library.open().em.insert(Tag, tag(10));
    expect(await library.admin("select from tags where tag_id = 10")).toHaveLength(1);
  });
});

describe("a transaction of several writes", () => {
  const opened = `${begin}BEPBDES`;
  const commit = "PBDES";

  test("what the unit of work flushes", async () => {
    const letters = await lettersOf(async (em) => {
      em.create(Tag, { tagId: 10, label: needle });
      em.create(Author, { authorId: 10, name: needle });
      await em.flush();
    });
    expect(letters).toBe(`${opened}PBDES${commit}`);
  });

  test("not an upsert that has to look at what it met", async () => {
    const letters = await lettersOf((em) =>
      em.upsert(
        Specimen,
        { specimenId: "00000000-0000-4000-8000-000000000001", note: needle },
        { onConflictAction: "ignore" },
      ),
    );
    // Each of its two statements is a transaction by itself, as MikroORM has it.
    expect(letters).toBe(oneWrite.repeat(2));
  });

  test("an update of a collection, which is several statements: all of it or nothing", async () => {
    const update = (em: Manager, tags: number[]) => em.nativeUpdate(Book, { bookId: 1 }, { tags, pages: 7 } as never);
    const letters = await lettersOf((em) => update(em, [2]));
    expect(letters).toMatch(new RegExp(`^${opened}(PBDES)+${commit}$`));
    await expect(update(library.open().em, [99])).rejects.toMatchObject({ code: "23503" });
    const tags = await library.admin("select tag_id from books_tags where book_id = 1");
    expect(tags).toEqual([{ tag_id: 2 }]);
  });
});
