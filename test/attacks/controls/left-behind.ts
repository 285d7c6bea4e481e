import { expect } from "vitest";
import { leavings } from "../pool/left-behind.ts";
import type { AttackSuite } from "../support/attack.ts";
import type { AttackWorld } from "../support/world.ts";
import { openPlainPool, type PlainPool, tokenFor } from "./plain-pool.ts";
import { functions, rowSecurity, without } from "./walls.ts";

/** What was left behind, met by the next caller where nobody cleans up. */
export function declareLeftBehindControls({ control }: AttackSuite, world: () => AttackWorld): void {
  async function withPlainPool(work: (pool: PlainPool) => Promise<void>): Promise<void> {
    const pool = openPlainPool(world());
    try {
      await work(pool);
    } finally {
      await pool.close();
    }
  }
  const cleanUp = "the clean-up of connections";

  control({
    id: "P03",
    without: "the missing right to make temporary tables, the place of pg_temp in the path and the clean-up",
    effect: "B reads what A forged",
    async run(attempt) {
      const { a, b } = world();
      const database = new URL(world().plane.database.url).pathname.slice(1);
      await world().admin(`grant temporary on database ${database} to public`);
      const pool = openPlainPool(world(), ({ vault }) => `"${vault}"`);
      await pool.pinned(a, [
        "create temporary table employees as select 'forged'::text as external_id",
        "grant select on employees to public",
      ]);
      await attempt(
        "a plain pool",
        () => pool.pinned(b, ["select external_id from employees"]),
        ([row]) => (row?.["external_id"] === "forged" ? "B reads what A forged" : "B reads its own"),
      );
      await pool.close();
      await world().admin(`revoke temporary on database ${database} from public`);
    },
  });

  control({
    id: "P04",
    without: cleanUp,
    effect: "reads B",
    run: (attempt) =>
      withPlainPool(async (pool) => {
        await pool.pinned(world().b, [leavings.cursor]);
        await attempt("a plain pool", () => pool.pinned(world().a, [leavings.fetch]));
      }),
  });

  control({
    id: "P05",
    without: cleanUp,
    effect: "changes B",
    run: (attempt) =>
      withPlainPool(async (pool) => {
        await pool.pinned(world().a, [leavings.prepare]);
        await attempt("a plain pool", () => pool.pinned(world().b, [leavings.execute]));
      }),
  });

  /** Settings that are shown to the next caller as A left them. */
  const shown: readonly (readonly [id: string, left: (world: AttackWorld) => string, name: string, effect: string])[] =
    [
      ["P06", () => leavings.setting, "default_transaction_read_only", "as A left it"],
      ["P07", ({ a }) => `set role ${a.vault}`, "role", "as A left it"],
      ["P08", ({ a }) => `set search_path = "${a.vault}", pg_temp`, "search_path", "as A left it"],
    ];
  for (const [id, left, name, effect] of shown) {
    control({
      id,
      without: cleanUp,
      effect,
      run: (attempt) =>
        withPlainPool(async (pool) => {
          const [before] = await pool.bare(`show ${name}`);
          await pool.pinned(world().a, [left(world())]);
          await attempt(
            "a plain pool",
            () => pool.bare(`show ${name}`),
            ([after]) => (after?.[name] === before?.[name] ? "as it was" : effect),
          );
        }),
    });
  }

  control({
    id: "P09",
    without: cleanUp,
    effect: "heard",
    run: (attempt) =>
      withPlainPool(async (pool) => {
        const heard: string[] = [];
        pool.onNotification((channel) => void heard.push(channel));
        await pool.pinned(world().a, [leavings.listen]);
        await world().admin("notify news, 'text'");
        await attempt(
          "a plain pool",
          () => pool.pinned(world().b, ["select 1"]),
          () => (heard.includes("news") ? "heard" : "nothing heard"),
        );
      }),
  });

  control({
    id: "P10",
    without: cleanUp,
    effect: "still held",
    run: (attempt) =>
      without(world(), [functions("pg_advisory_lock")], () =>
        withPlainPool(async (pool) => {
          await pool.pinned(world().a, [leavings.lock]);
          await attempt(
            "a plain pool",
            () => pool.pinned(world().b, ["select 1"]),
            async () => {
              const held = await world().admin(
                `select from pg_locks where locktype = 'advisory' and database =
                 (select oid from pg_database where datname = current_database())`,
              );
              return held.length === 1 ? "still held" : "let go";
            },
          );
        }),
      ),
  });

  control({
    id: "P11",
    without: cleanUp,
    effect: "reads B",
    run: (attempt) =>
      withPlainPool(async (pool) => {
        const { a, b } = world();
        await pool.pinned(b, [`set wellvault.token = '${tokenFor(b)}'`]);
        await attempt("a plain pool", () =>
          pool
            .pinned(a, ["commit", `set role ${b.vault}`, `select external_id from ${b.vault}.employees`, "reset role"])
            .then(() => pool.bare(`set role ${b.vault}`))
            .then(() => pool.bare(`select external_id from ${b.vault}.employees`)),
        );
      }),
  });

  control({
    id: "P12",
    without: "the look at the transaction's state on release",
    effect: "B's write is lost",
    run: (attempt) =>
      withPlainPool(async (pool) => {
        const { b } = world();
        await pool.bare("begin");
        await attempt(
          "a plain pool",
          async () => {
            // B's caller is told that the row was written.
            await pool.bare(`set local role ${b.vault}`);
            await pool.bare(`set local wellvault.token = '${tokenFor(b)}'`);
            const written = await pool.bare(
              `update ${b.vault}.employees set location = 'moved' where employee_no = 1 returning location`,
            );
            expect(written).toHaveLength(1);
            await pool.bare("rollback");
          },
          async () => {
            const [row] = await world().admin(`select location from ${b.vault}.employees where employee_no = 1`);
            return row?.["location"] === "moved" ? "B's write is kept" : "B's write is lost";
          },
        );
      }),
  });

  control({
    id: "P04",
    without: `${cleanUp} and row level security`,
    effect: "reads B",
    run: (attempt) =>
      without(world(), [rowSecurity], () =>
        withPlainPool(async (pool) => {
          await pool.pinned(world().b, [leavings.cursor]);
          await attempt("a plain pool", () => pool.bare(leavings.fetch));
        }),
      ),
  });
}
