import {
  CheckConstraintViolationException,
  DriverException,
  ForeignKeyConstraintViolationException,
  InvalidFieldNameException,
  NotNullConstraintViolationException,
  RowLevelSecurityViolationException,
  SyntaxErrorException,
  TableNotFoundException,
  UniqueConstraintViolationException,
} from "@mikro-orm/postgresql";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { TenantSession } from "../../../src/tenancy/session.ts";
import { Author, Book, Tag } from "./entities.ts";
import { fillLibrary, type Library, needle, openLibrary } from "./library.ts";

let library: Library;
beforeAll(async () => {
  library = await openLibrary(1);
  await fillLibrary(library);
});
afterEach(() => library.expectNoValueSent());
afterAll(() => library.close());

type Manager = TenantSession["em"];
const nobody = "00000000-0000-4000-8000-000000000000";
const cases: [string, typeof DriverException, string, (em: Manager) => Promise<unknown>][] = [
  [
    "a unique key, by insert",
    UniqueConstraintViolationException,
    "23505",
    (em) => em.insert(Tag, { tagId: 9, label: "science" }),
  ],
  [
    "a unique key, by insertMany",
    UniqueConstraintViolationException,
    "23505",
    (em) =>
      em.insertMany(Tag, [
        { tagId: 9, label: needle },
        { tagId: 9, label: "b" },
      ]),
  ],
  [
    "a unique key, by flush",
    UniqueConstraintViolationException,
    "23505",
    (em) => em.persist(em.create(Tag, { tagId: 1, label: needle })).flush(),
  ],
  [
    "a unique key, by upsert",
    UniqueConstraintViolationException,
    "23505",
    (em) => em.upsert(Tag, { tagId: 1, label: "short" }),
  ],
  [
    "a foreign key, by insert",
    ForeignKeyConstraintViolationException,
    "23503",
    (em) => em.insert(Book, { bookId: 9, title: needle, author: 77 }),
  ],
  [
    "a foreign key, by nativeDelete",
    ForeignKeyConstraintViolationException,
    "23503",
    (em) => em.nativeDelete(Author, { authorId: 1 }),
  ],
  [
    "a check",
    CheckConstraintViolationException,
    "23514",
    (em) => em.nativeUpdate(Author, { authorId: 1 }, { rating: 11 }),
  ],
  [
    "a column that must not be null",
    NotNullConstraintViolationException,
    "23502",
    (em) => em.execute("update authors set name = ? where author_id = ?", [null, 1]),
  ],
  [
    "a row of another company",
    CheckConstraintViolationException,
    "23514",
    (em) => em.execute("update authors set company_id = ? where author_id = ?", [nobody, 1]),
  ],
  [
    "a column that is not there",
    InvalidFieldNameException,
    "42703",
    (em) => em.execute("select nowhere from authors where name = ?", [needle]),
  ],
  [
    "a table that is not there",
    TableNotFoundException,
    "42P01",
    (em) => em.execute("select from nowhere where 1 = ?", [1]),
  ],
  ["text that is no SQL", SyntaxErrorException, "42601", (em) => em.execute("select from where")],
  ["two statements in one text", SyntaxErrorException, "42601", (em) => em.execute("select 1; select 2")],
  ["a right that is missing", DriverException, "42501", (em) => em.execute("truncate authors")],
  ["a number that divides by zero", DriverException, "22012", (em) => em.execute("select 1 / ?::integer", [0])],
];

test.each(cases)("%s", async (_, exception, code, work) => {
  for (const run of [
    (em: Manager) => work(em),
    (em: Manager) => em.transactional((inner) => work(inner as Manager)),
    (em: Manager) =>
      em.transactional(async (inner) => {
        await inner.count(Author, {});
        await work(inner as Manager);
      }),
  ]) {
    const error = await run(library.open().em).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(exception);
    expect(error).toMatchObject({ code });
    // The pool's one connection is good for the next one.
    expect(await library.open().em.count(Tag, { tagId: 1, label: "science" })).toBe(1);
  }
  expect(await library.admin("select from authors where rating = 9.5")).toHaveLength(1);
});

test("an exception names the constraint, and its statement without the values", async () => {
  const error = await library
    .open()
    .em.insert(Author, { authorId: 1, name: needle })
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  expect(error).toMatchObject({ constraint: "authors_pkey", table: "authors", schema: library.tenant.vault });
});

describe("row level security", () => {
  test("a write that a policy refuses is MikroORM's exception for it", async () => {
    await library.admin(`create policy no_tag on tags as restrictive for insert with check (tag_id < 100)`);
    const inserting = library.open().em.insert(Tag, { tagId: 100, label: needle });
    await expect(inserting).rejects.toBeInstanceOf(RowLevelSecurityViolationException);
    await library.admin("drop policy no_tag on tags");
  });
});
