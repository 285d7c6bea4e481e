import { defineEntity, Type } from "@mikro-orm/postgresql";

/** A temperature: kelvins in the database, degrees Celsius in the entity. */
class Celsius extends Type<number | null, number | null> {
  override convertToDatabaseValue(degrees: number | null): number | null {
    return degrees === null ? null : degrees + 273;
  }

  override convertToJSValue(kelvins: number | null): number | null {
    return kelvins === null ? null : kelvins - 273;
  }

  override getColumnType(): string {
    return "integer";
  }
}

/** Has books. */
export const Author = defineEntity({
  name: "Author",
  tableName: "authors",
  schema: "*",
  properties: (p) => ({
    authorId: p.integer().primary(),
    name: p.text(),
    rating: p.double().nullable(),
    books: () => p.oneToMany(Book).mappedBy("author"),
  }),
});

/** Belongs to an author, has tags, and a version that guards its changes. */
export const Book = defineEntity({
  name: "Book",
  tableName: "books",
  schema: "*",
  properties: (p) => ({
    bookId: p.integer().primary(),
    title: p.text(),
    pages: p.integer().nullable(),
    revision: p.integer().version(),
    author: () => p.manyToOne(Author).joinColumn("author_id"),
    tags: () => p.manyToMany(Tag).pivotTable("books_tags").joinColumn("book_id").inverseJoinColumn("tag_id"),
  }),
});

/** Hangs on books. */
export const Tag = defineEntity({
  name: "Tag",
  tableName: "tags",
  schema: "*",
  properties: (p) => ({
    tagId: p.integer().primary(),
    label: p.text(),
    books: () => p.manyToMany(Book).mappedBy("tags"),
  }),
});

/** A value of every kind. */
export const Specimen = defineEntity({
  name: "Specimen",
  tableName: "specimens",
  schema: "*",
  properties: (p) => ({
    specimenId: p.uuid().primary().defaultRaw("gen_random_uuid()"),
    note: p.text().nullable(),
    flag: p.boolean().nullable(),
    whole: p.bigint("bigint").nullable(),
    exact: p.decimal("string").nullable(),
    ratio: p.double().nullable(),
    document: p.json<unknown>().nullable(),
    words: p.array().nullable(),
    day: p.date().nullable(),
    moment: p.datetime(6).nullable(),
    bytes: p.blob().nullable(),
    warmth: p.type(Celsius).nullable(),
  }),
});

/** What the tests of the ORM's behaviours work on. */
export const libraryEntities = [Author, Book, Tag, Specimen];
