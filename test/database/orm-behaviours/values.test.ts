import { randomBytes } from "node:crypto";
import type { EntityData, InferEntity, RequiredEntityData } from "@mikro-orm/postgresql";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Specimen } from "./entities.ts";
import { type Library, needle, openLibrary } from "./library.ts";

let library: Library;
beforeAll(async () => {
  library = await openLibrary();
});
beforeEach(() => library.empty());
afterEach(() => library.expectNoValueSent());
afterAll(() => library.close());

type Row = InferEntity<typeof Specimen>;
type Values = EntityData<Row>;

const keyOf = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;

/** Puts values in by each way there is and returns what another manager reads. */
async function roundTrips(values: Values): Promise<object[]> {
  const rowOf = (n: number) => ({ ...values, specimenId: keyOf(n) }) as RequiredEntityData<Row>;
  await library.open().em.insert(Specimen, rowOf(1));
  await library.open().em.insertMany(Specimen, [rowOf(2), rowOf(3)]);
  await library.open().transaction(async ({ em }) => {
    const specimen = em.create(Specimen, { specimenId: keyOf(4), document: null });
    await em.persist(specimen).flush();
    em.assign(specimen, values as object);
    await em.flush();
  });
  await library.open().em.upsert(Specimen, rowOf(5) as Values);
  const read = await library.open().em.find(Specimen, { specimenId: { $in: [1, 2, 3, 4, 5].map(keyOf) } });
  expect(read).toHaveLength(5);
  return read.map((specimen) => ({ ...specimen }));
}

/** What stands in a column, as PostgreSQL writes it as text. */
async function inDatabase(column: string): Promise<unknown[]> {
  const rows = await library.admin<{ value: unknown }>(`select distinct ${column}::text as value from specimens`);
  return rows.map(({ value }) => value).filter((value) => value !== null);
}

const long = `${needle}${"ä".repeat(500_000)}`;
const cases: [string, keyof Values & string, unknown, unknown?][] = [
  [
    "a text with everything that ends a literal",
    "note",
    `${needle} '; drop table authors; -- $1 ? ?? :name \\? \\' $$`,
  ],
  ["a text in many scripts", "note", `${needle} Ἑλλάς 日本語 ‮עברית👩‍👩‍👧‍👦 \u{10ffff} e\u0301 \u0301`],
  ["an empty text", "note", "", ""],
  ["white space and control characters", "note", `${needle}\t\r\n\u0001\u007f\u2028 `],
  ["a text of a million bytes", "note", long, long],
  ["a boolean", "flag", false, "false"],
  ["the largest bigint", "whole", 9_223_372_036_854_775_807n, "9223372036854775807"],
  ["the smallest bigint", "whole", -9_223_372_036_854_775_808n, "-9223372036854775808"],
  ["a bigint that a double cannot hold", "whole", 9_007_199_254_740_993n, "9007199254740993"],
  ["a decimal", "exact", "123456789012345678901234567890.0123456789", "123456789012345678901234567890.0123456789"],
  ["the smallest double", "ratio", 5e-324, "5e-324"],
  ["a double that needs its last digit", "ratio", 0.1 + 0.2, "0.30000000000000004"],
  ["an infinite double", "ratio", Number.NEGATIVE_INFINITY, "-Infinity"],
  ["a document", "document", { [needle]: [needle, 1, null, true, { nested: [] }] }],
  ["a document that is a list", "document", [1, needle, { a: null }]],
  ["a document that is a text", "document", needle],
  ["a document that is a number", "document", 12.5, "12.5"],
  ["an array", "words", ["", needle, "a,b", "{}", '"', "ä"]],
  ["an empty array", "words", [], "{}"],
  ["bytes", "bytes", Buffer.from([0, 1, 39, 92, 255]), "\\x0001275cff"],
  ["a million bytes", "bytes", randomBytes(1_000_000)],
  ["a date", "day", "2024-02-29", "2024-02-29"],
  ["a type of its own", "warmth", 20, "293"],
];
test.each(cases)("%s", async (_, property, value, stored) => {
  for (const read of await roundTrips({ [property]: value } as Values)) {
    const got = (read as Record<string, unknown>)[property];
    if (Buffer.isBuffer(value)) expect(value.equals(got as Buffer)).toBe(true);
    else expect(got === value || got).toEqual(got === value ? true : value);
  }
  if (stored !== undefined) expect((await inDatabase(property)).every((found) => found === stored)).toBe(true);
});

// MikroORM's own array type writes such a text without quotation marks, with any driver.
test.fails("an array with the text null in it", async () => {
  await library.open().em.insert(Specimen, { specimenId: keyOf(1), document: null, words: ["null"] });
  expect(await library.open().em.findAll(Specimen)).toMatchObject([{ words: ["null"] }]);
});

describe("times", () => {
  test.each([
    ["with milliseconds", "2024-02-29T23:59:59.999Z", "2024-02-29 23:59:59.999+00"],
    ["before 1970", "1901-12-13T20:45:51.001Z", "1901-12-13 20:45:51.001+00"],
    ["where summer time begins", "2024-03-31T01:30:00.000Z", "2024-03-31 01:30:00+00"],
    ["far ahead", "9999-12-31T23:59:59.000Z", "9999-12-31 23:59:59+00"],
  ])("%s", async (_, time, stored) => {
    for (const read of await roundTrips({ moment: new Date(time) }))
      expect(read).toMatchObject({ moment: new Date(time) });
    expect(
      await library.admin(
        "select distinct (moment at time zone 'UTC')::text || '+00' as value from specimens where moment is not null",
      ),
    ).toEqual([{ value: stored }]);
  });

  test("MikroORM's Date drops microseconds, raw SQL keeps them", async () => {
    const { em } = library.open();
    await em.execute("insert into specimens (moment) values (?)", ["2024-01-02T03:04:05.678901Z"]);
    expect(await em.findAll(Specimen)).toMatchObject([{ moment: new Date("2024-01-02T03:04:05.678Z") }]);
    expect(await em.execute("select extract(microseconds from moment)::text as us from specimens")).toEqual([
      { us: "5678901" },
    ]);
  });
});

describe("nothing", () => {
  test("null and undefined are null, in every type", async () => {
    const none = {
      note: null,
      flag: null,
      whole: null,
      exact: null,
      ratio: null,
      day: null,
      moment: null,
      bytes: null,
    };
    for (const read of await roundTrips({ ...none, words: null, warmth: null })) expect(read).toMatchObject(none);
    await library.open().em.insert(Specimen, { note: undefined, flag: undefined } as object as RequiredEntityData<Row>);
    expect(await library.admin("select from specimens where num_nulls(note, flag, whole, words) < 4")).toEqual([]);
  });
});

describe("refused", () => {
  test.each([
    ["a text with a zero byte", { note: `${needle}\0` }, "22021"],
    ["a document with a zero byte", { document: { a: `${needle}\0` } }, "22P05"],
    ["a bigint that is too large", { whole: 9_223_372_036_854_775_808n }, "22003"],
    ["half a surrogate pair, which becomes the replacement character", { note: `${needle}\ud800` }, undefined],
  ])("%s", async (_, values, code) => {
    const inserting = library.open().em.insert(Specimen, values as RequiredEntityData<Row>);
    if (code) await expect(inserting).rejects.toMatchObject({ code });
    else {
      await inserting;
      expect(await library.open().em.findAll(Specimen)).toMatchObject([{ note: `${needle}\ufffd` }]);
    }
    // The connection is good for the next one.
    expect(await library.open().em.count(Specimen, {})).toBe(code ? 0 : 1);
  });
});
