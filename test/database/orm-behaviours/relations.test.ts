import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Author, Book, Tag } from "./entities.ts";
import { fillLibrary, type Library, needle, openLibrary } from "./library.ts";

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

describe.each(["joined", "select-in", "balanced"] as const)("populated by the strategy %s", (strategy) => {
  test("a row's many", async () => {
    const authors = await library
      .open()
      .em.find(Author, {}, { populate: ["books"], strategy, orderBy: { authorId: 1, books: { bookId: 1 } } });
    expect(authors.map(({ books }) => books.getItems().map(({ title }) => title))).toEqual([
      ["Engines", "Notes"],
      ["Waves"],
      [],
    ]);
  });

  test("a row's one", async () => {
    const books = await library.open().em.find(Book, {}, { populate: ["author"], strategy, orderBy: { bookId: 1 } });
    expect(books.map(({ author }) => author.name)).toEqual(["Ada", "Ada", "Bert"]);
  });

  test("many to many, from both ends and through another relation", async () => {
    const { em } = library.open();
    const tags = await em.find(Tag, {}, { populate: ["books"], strategy, orderBy: { tagId: 1, books: { bookId: 1 } } });
    expect(tags.map(({ books }) => books.getItems().map(({ bookId }) => bookId))).toEqual([[1, 2, 3], [2], []]);
    const ada = await library.open().em.findOneOrFail(Author, 1, {
      populate: ["books.tags"],
      strategy,
      orderBy: { books: { bookId: 1, tags: { tagId: 1 } } },
    });
    const labels = ada.books.getItems().map((book) => book.tags.getItems().map(({ label }) => label));
    expect(labels).toEqual([["science"], ["science", "short"]]);
  });

  test("with a condition on what is populated", async () => {
    const where = { title: { $like: "N%" }, $or: [{ pages: 20 }, { title: needle }] };
    const ada = await library
      .open()
      .em.findOneOrFail(Author, 1, { populate: ["books"], populateWhere: { books: where }, strategy });
    expect(ada.books.getItems().map(({ title }) => title)).toEqual(["Notes"]);
  });
});

describe("loaded afterwards", () => {
  test("a collection, with a condition, its size, and a reference", async () => {
    const { em } = library.open();
    const ada = await em.findOneOrFail(Author, 1);
    expect(await ada.books.loadCount()).toBe(2);
    expect(await ada.books.matching({ where: { title: { $in: ["Notes", needle] } } })).toHaveLength(1);
    expect(await ada.books.loadItems()).toHaveLength(2);
    const book = await em.findOneOrFail(Book, 3);
    await em.populate([book], ["author", "tags"]);
    expect(book.author.name).toBe("Bert");
    expect(book.tags.getIdentifiers()).toEqual([1]);
  });

  test("inside one transaction, many collections at once", async () => {
    const labels = await library.open().transaction(async ({ em }) => {
      const books = await em.find(Book, {}, { orderBy: { bookId: 1 } });
      // They share a connection, so they follow each other on it whatever the driver puts into one write.
      await Promise.all(books.map((book) => book.tags.init({ orderBy: { tagId: 1 } })));
      return books.map((book) => book.tags.getItems().map(({ label }) => label));
    });
    expect(labels).toEqual([["science"], ["science", "short"], ["science"]]);
  });
});

describe("changed", () => {
  test("tags are put on and taken off", async () => {
    const { em } = library.open();
    const book = await em.findOneOrFail(Book, 2, { populate: ["tags"] });
    book.tags.remove(em.getReference(Tag, 1));
    book.tags.add(em.getReference(Tag, 3), em.create(Tag, { tagId: 4, label: needle }));
    await em.flush();
    const rows = await library.admin("select tag_id from books_tags where book_id = 2 order by 1");
    expect(rows).toEqual([{ tag_id: 2 }, { tag_id: 3 }, { tag_id: 4 }]);
  });

  test("a set of tags replaces the former one", async () => {
    const { em } = library.open();
    const book = await em.findOneOrFail(Book, 2, { populate: ["tags"] });
    book.tags.set([em.getReference(Tag, 3)]);
    await em.flush();
    expect(await library.admin("select tag_id from books_tags where book_id = 2")).toEqual([{ tag_id: 3 }]);
  });

  test("a book goes to another author, and a new one joins a collection", async () => {
    const { em } = library.open();
    const bert = await em.findOneOrFail(Author, 2, { populate: ["books"] });
    bert.books.add(em.create(Book, { bookId: 4, title: needle, author: bert }));
    const notes = await em.findOneOrFail(Book, 2);
    notes.author = bert;
    await em.flush();
    expect(await library.admin("select book_id from books where author_id = 2 order by 1")).toEqual([
      { book_id: 2 },
      { book_id: 3 },
      { book_id: 4 },
    ]);
  });
});
