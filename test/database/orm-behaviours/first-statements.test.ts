import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TenantSession } from "../../../src/tenancy/session.ts";
import { expectQuiet } from "../../support/locks.ts";
import { Specimen, Tag } from "./entities.ts";
import { type Library, needle, openLibrary } from "./library.ts";

// A driver may send the first statement of a transaction by another way than those that follow. Whatever a
// statement is, it must do the same as the first and as a later one.
let library: Library;
beforeAll(async () => {
  library = await openLibrary(1);
});
beforeEach(() => library.empty());
afterEach(async () => {
  await expectQuiet(library.database);
  // The one connection of the pool serves the next one.
  expect(await library.open().em.execute("select ?::text as v", [needle])).toEqual([{ v: needle }]);
  library.expectNoValueSent();
});
afterAll(() => library.close());

type Manager = TenantSession["em"];
const ways: [string, <T>(work: (em: Manager) => Promise<T>) => Promise<T>][] = [
  ["alone", (work) => work(library.open().em)],
  ["first", (work) => library.open().em.transactional((em) => work(em as Manager))],
  [
    "later",
    (work) =>
      library.open().em.transactional(async (em) => {
        await em.execute("select 1");
        return await work(em as Manager);
      }),
  ],
  [
    "first in a savepoint",
    (work) => library.open().em.transactional((em) => em.transactional((inner) => work(inner as Manager))),
  ],
];

describe.each(ways)("%s", (_, run) => {
  const execute = (text: string, values: unknown[] = []) => run((em) => em.execute(text, values));

  test("values of every type are read alike", async () => {
    const [row] =
      await execute(`select 1::smallint as s, 2::integer as i, 3::bigint as b, 4.50::numeric as n, 0.1::float8 as f,
      true as t, null::text as o, '{a,NULL}'::text[] as l, '{1,2}'::integer[] as m, '{"a": [1]}'::jsonb as j,
      '\\x00ff'::bytea as y, date '2024-02-29' as d, timestamptz '2024-01-02 03:04:05.678901+02' as z, 'ä'::text as u`);
    const other = await library.open().em.transactional(async (em) => {
      await em.execute("select 1");
      return (await em.execute("select date '2024-02-29' as d, timestamptz '2024-01-02 03:04:05.678901+02' as z"))[0];
    });
    expect(row).toMatchObject({
      s: 1,
      i: 2,
      n: "4.50",
      f: 0.1,
      t: true,
      o: null,
      l: ["a", null],
      m: [1, 2],
      j: { a: [1] },
      u: "ä",
    });
    expect(row).toMatchObject({ b: "3", y: Buffer.from([0, 255]), ...other });
  });

  test("two columns of one name, no columns, no rows, many rows", async () => {
    expect(await execute("select 1 as v, 2 as v")).toEqual([{ v: 2 }]);
    expect(await execute("select")).toEqual([{}]);
    expect(await execute("select 1 as v where false")).toEqual([]);
    expect(await execute("select repeat('x', 100) as v from generate_series(1, ?)", [20_000])).toHaveLength(20_000);
  });

  test("a text without a statement in it", async () => {
    expect(await execute("-- nothing")).toEqual([]);
    expect(await execute("")).toEqual([]);
  });

  test("COPY in either direction does not hang", async () => {
    expect(await execute("copy (select 1) to stdout")).toEqual([]);
    await expect(execute("copy tags (tag_id, label) from stdin")).rejects.toMatchObject({
      code: expect.stringMatching(/^(57014|0A000)$/),
    });
  });

  test("a value that cannot be sent is an error, and nothing of the transaction stays", async () => {
    const circular: { self?: object } = {};
    circular.self = circular;
    const refusing = {
      toPostgres: () => {
        throw new Error("not for the wire");
      },
    };
    await expect(
      run(async (em) => {
        await em.insert(Tag, { tagId: 1, label: "before" }).catch(() => undefined);
        await em.execute("select ?::jsonb", [circular]);
      }),
    ).rejects.toThrow(/circular/i);
    await expect(execute("select ?::text", [refusing])).rejects.toThrow("not for the wire");
    expect((await library.admin("select from tags")).length).toBeLessThanOrEqual(1);
  });

  test("a statement with a number of values that is not its own", async () => {
    await expect(execute("select $1::text, $2::text as v")).rejects.toMatchObject({ code: "08P01" });
  });

  test("statements that return what they changed", async () => {
    const insert =
      "insert into tags (tag_id, label) select n, 't' || n from generate_series(1, 3) as n returning tag_id";
    expect(await run((em) => em.execute(insert, [], "run"))).toMatchObject({ affectedRows: 3, row: { tag_id: 1 } });
    const updating = run((em) => em.nativeUpdate(Tag, { tagId: { $gt: 1 } }, { label: "same" }));
    await expect(updating).rejects.toMatchObject({ code: "23505" });
  });
});

test("a value that cannot be sent, as a later statement, undoes what went before", async () => {
  const failing = library.open().em.transactional(async (em) => {
    await em.insert(Specimen, { document: null, note: needle });
    await em.execute("select ?::jsonb", [
      {
        toJSON: () => {
          throw new Error("not for the wire");
        },
      },
    ]);
  });
  await expect(failing).rejects.toThrow("not for the wire");
  expect(await library.admin("select from specimens")).toEqual([]);
});

describe("a transaction that its own text ends", () => {
  test.each(["first", "later"])("%s: what follows runs in no vault", async (when) => {
    const running = library.open().em.transactional(async (em) => {
      if (when === "later") await em.insert(Tag, { tagId: 1, label: needle });
      await em.execute("commit");
      await em.execute("insert into tags (tag_id, label) values (?, ?)", [2, needle]);
    });
    await expect(running).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|42P01|WV001)$/) });
    expect(await library.admin("select from tags where tag_id = 2")).toEqual([]);
  });

  test("and one that it begins anew", async () => {
    const running = library.open().em.transactional(async (em) => {
      await em.execute("select 1");
      await em.execute("commit");
      await em.execute("begin");
      await em.find(Tag, {});
    });
    await expect(running).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|42P01|WV001)$/) });
  });

  test("a begin as its first text changes nothing", async () => {
    await library.open().em.transactional(async (em) => {
      await em.execute("begin");
      await em.insert(Tag, { tagId: 1, label: needle });
    });
    expect(await library.admin("select tag_id from tags")).toEqual([{ tag_id: 1 }]);
  });
});
