import { DeadlockException, LockMode, LockWaitTimeoutException, OptimisticLockError } from "@mikro-orm/postgresql";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { blockedStatements } from "../../support/locks.ts";
import { Author, Book } from "./entities.ts";
import { fillLibrary, type Library, needle, openLibrary } from "./library.ts";

let library: Library;
beforeAll(async () => {
  library = await openLibrary(4);
});
beforeEach(async () => {
  await library.empty();
  await fillLibrary(library);
});
afterEach(() => library.expectNoValueSent());
afterAll(() => library.close());

describe("optimistic", () => {
  test("a change of what somebody else changed since is refused and changes nothing", async () => {
    const [one, two] = [library.open().em, library.open().em];
    const [mine, theirs] = [await one.findOneOrFail(Book, 1), await two.findOneOrFail(Book, 1)];
    theirs.title = "Theirs";
    await two.flush();
    mine.title = needle;
    mine.pages = 1;
    await expect(one.flush()).rejects.toThrow(OptimisticLockError);
    expect(theirs.revision).toBe(2);
    expect(await library.admin("select title, pages, revision from books where book_id = 1")).toEqual([
      { title: "Theirs", pages: 300, revision: 2 },
    ]);
  });

  test("several changes at once, of which one is out of date, are refused together", async () => {
    const { em } = library.open();
    const books = await em.find(Book, {});
    await library.admin("update books set revision = 9 where book_id = 2");
    for (const book of books) book.pages = 5;
    await expect(em.flush()).rejects.toThrow(OptimisticLockError);
    expect(await library.admin("select from books where pages = 5")).toEqual([]);
  });

  test("a version that is asked for and is not the row's", async () => {
    const { em } = library.open();
    const reading = em.findOneOrFail(Book, 1, { lockMode: LockMode.OPTIMISTIC, lockVersion: 7 });
    await expect(reading).rejects.toThrow(OptimisticLockError);
    const book = await library.open().em.findOneOrFail(Book, 1, { lockMode: LockMode.OPTIMISTIC, lockVersion: 1 });
    expect(book.revision).toBe(1);
  });
});

describe("pessimistic", () => {
  test("a row that is locked lets others wait until the transaction ends", async () => {
    const holder = library.open().em;
    await holder.begin();
    const ada = await holder.findOneOrFail(Author, 1, { lockMode: LockMode.PESSIMISTIC_WRITE });
    const waiting = library.open().em.nativeUpdate(Author, { authorId: 1 }, { rating: 7 });
    await expect.poll(() => blockedStatements(library.database), { interval: 5 }).toBe(1);
    ada.rating = 8;
    await holder.commit();
    expect(await waiting).toBe(1);
    expect(await library.admin("select rating from authors where author_id = 1")).toEqual([{ rating: 7 }]);
  });

  test("em.lock locks a row that was read before, and only within a transaction", async () => {
    const { em } = library.open();
    const ada = await em.findOneOrFail(Author, 1);
    await expect(em.lock(ada, LockMode.PESSIMISTIC_WRITE)).rejects.toThrow(/transaction/);
    await em.transactional(async (inner) => {
      await inner.lock(await inner.findOneOrFail(Author, 1), LockMode.PESSIMISTIC_WRITE);
      const passed = await library
        .open()
        .em.transactional((other) =>
          other.find(Author, {}, { lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE, orderBy: { authorId: 1 } }),
        );
      expect(passed.map(({ authorId }) => authorId)).toEqual([2, 3]);
    });
  });

  test("nowait fails at once with 55P03, and the transaction outside of the savepoint lives on", async () => {
    await library.open().em.transactional(async (holder) => {
      await holder.findOneOrFail(Author, 1, { lockMode: LockMode.PESSIMISTIC_WRITE });
      await library.open().em.transactional(async (other) => {
        const locking = other.transactional((inner) =>
          inner.findOneOrFail(Author, 1, { lockMode: LockMode.PESSIMISTIC_WRITE_OR_FAIL }),
        );
        await expect(locking).rejects.toMatchObject({ code: "55P03" });
        expect(await other.count(Author, {})).toBe(3);
      });
    });
  });
});

describe("that cannot be had", () => {
  test("a deadlock is MikroORM's exception for one of the two, and the other one's work is done", async () => {
    const [one, two] = [library.open().em, library.open().em];
    const update = (em: typeof one, authorId: number) =>
      em.nativeUpdate(Author, { authorId }, { name: needle + authorId });
    await one.begin();
    await two.begin();
    await update(one, 1);
    await update(two, 2);
    const crossing = [one, two].map(async (em, index) => {
      await update(em, 2 - index).catch(async (error: unknown) => {
        await em.rollback();
        throw error;
      });
      await em.commit();
    });
    const ended = await Promise.allSettled(crossing);
    const failed = ended.filter((end) => end.status === "rejected");
    expect(failed).toHaveLength(1);
    expect(failed[0]?.reason).toBeInstanceOf(DeadlockException);
    expect(failed[0]?.reason).toMatchObject({ code: "40P01" });
    expect(await library.admin("select from authors where name like 'n33dle%'")).toHaveLength(2);
  });

  test("the server's lock timeout is 55P03 with the manager, and a session tries again", async () => {
    const holder = library.open().em;
    await holder.begin();
    await holder.nativeUpdate(Author, { authorId: 1 }, { rating: 1 });
    const waiting = library.open().em.nativeUpdate(Author, { authorId: 1 }, { rating: 2 });
    await expect(waiting).rejects.toMatchObject({ code: "55P03" });
    // MikroORM has a name for it with other databases only.
    await expect(waiting).rejects.not.toBeInstanceOf(LockWaitTimeoutException);
    let runs = 0;
    const retrying = library.open().transaction(async ({ em }) => {
      runs++;
      await em.nativeUpdate(Author, { authorId: 1 }, { rating: 3 });
    });
    await expect.poll(() => runs, { interval: 20, timeout: 5_000 }).toBe(2);
    await holder.commit();
    await retrying;
    expect(await library.admin("select rating from authors where author_id = 1")).toEqual([{ rating: 3 }]);
  });
});
