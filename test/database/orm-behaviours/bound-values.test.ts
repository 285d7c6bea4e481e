import { MikroORM } from "@mikro-orm/postgresql";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { statement } from "../../../src/database/statement.ts";
import { Author, Book, libraryEntities, Tag } from "./entities.ts";
import { fillLibrary, type Library, needle, needleNumber, openLibrary } from "./library.ts";

// The other files look after each of their tests; this one shows that they would see a value.
let library: Library;
beforeAll(async () => {
  library = await openLibrary(1);
  await fillLibrary(library);
});
beforeEach(() => library.tap.clear());
afterAll(() => library.close());

/** Whether a value went over the wire in a Bind message. */
const bound = (text: string) => library.tap.sent.some((message) => message.type === "B" && message.text.includes(text));

describe("what is sent", () => {
  test("carries values in Bind messages and not in SQL", async () => {
    await library.open().em.find(Author, { name: needle, authorId: needleNumber });
    await library.open().em.nativeUpdate(Tag, { tagId: needleNumber }, { label: needle });
    expect([bound("n33dle"), bound(String(needleNumber))]).toEqual([true, true]);
    library.expectNoValueSent();
  });

  test("a statement's as well", async () => {
    const find = statement<[name: string], object>("select from authors where name = $1");
    await library.open().query(find, [needle]);
    expect(bound("n33dle")).toBe(true);
    library.expectNoValueSent();
  });

  test("neither does the pin carry its values in SQL: no vault, no token, no company", async () => {
    await library.open().transaction(({ em }) => em.execute("select 1"));
    const { vault, companyId } = library.tenant;
    for (const text of library.tap.statements()) {
      expect(text).not.toContain(vault);
      expect(text).not.toContain(companyId);
    }
    expect([bound(vault), bound(companyId)]).toEqual([true, true]);
  });

  test("names its schema in what the ORM makes, and no literal at all", async () => {
    const { em } = library.open();
    await em.find(Book, { title: "Waves", pages: null }, { populate: ["author", "tags"], limit: 1, offset: 0 });
    await em.upsert(Tag, { tagId: 3, label: "unused" });
    const made = library.tap.statements().filter((text) => text.includes('"'));
    expect(made.length).toBeGreaterThan(1);
    for (const text of made) {
      expect(text).toContain(`"${library.tenant.vault}"`);
      expect(text).not.toContain("'");
    }
  });

  test("is not kept by name in the server, but for the pin, which reads no vault", async () => {
    await library.open().em.find(Author, { name: needle });
    const parses = library.tap.sent.filter(({ type }) => type === "P");
    expect(parses.length).toBeGreaterThan(0);
    for (const { text } of parses) expect(text.startsWith("\0") || text.startsWith("wellvault_pin\0")).toBe(true);
  });
});

describe("the controls: MikroORM's own driver", () => {
  let plain: MikroORM;
  beforeAll(() => {
    plain = new MikroORM({
      clientUrl: library.tap.through(library.database.url),
      entities: libraryEntities,
      ensureDatabase: false,
    });
  });
  afterAll(() => plain.close(true));

  test("writes a text into the SQL, and sends it by the simple protocol", async () => {
    await plain.em.fork({ schema: library.tenant.vault }).find(Author, { name: needle });
    expect(() => library.expectNoValueSent()).toThrow(/n33dle/);
    expect(library.tap.sent.some(({ type, text }) => type === "Q" && text.includes("n33dle"))).toBe(true);
  });

  test("writes a number into the SQL", async () => {
    await plain.em.fork({ schema: library.tenant.vault }).find(Author, { authorId: needleNumber });
    expect(() => library.expectNoValueSent()).toThrow(/918/);
  });

  test("is told by the simple protocol alone", async () => {
    await plain.em.fork({ schema: library.tenant.vault }).find(Author, {});
    expect(() => library.expectNoValueSent()).toThrow(/type: 'Q'/);
  });
});
