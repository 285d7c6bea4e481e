import { expect } from "vitest";
import type { AttackSuite } from "../support/attack.ts";
import { onClientEvent } from "../support/client-events.ts";
import type { AttackWorld } from "../support/world.ts";
import { backends, bareManager, valueFor } from "./bare.ts";

/** What a caller leaves on a connection for the next one, by statements that get in. */
export const leavings = {
  cursor: "declare stolen cursor with hold for select external_id, display_name from employees",
  fetch: "fetch all from stolen",
  prepare: "prepare poisoned as update employees set team = 'taken' returning employee_no",
  execute: "execute poisoned",
  setting: "set default_transaction_read_only = on",
  listen: "listen news",
  lock: "select pg_advisory_lock(42)::text",
};

/** P03 to P11: state left on a pooled connection, which the next tenant must not meet. */
export function declareLeftBehind({ attack }: AttackSuite, world: () => AttackWorld): void {
  /** Fails unless the work kept the pool's one connection: on another one there is nothing to be met. */
  async function onOneConnection(work: () => Promise<void>): Promise<void> {
    await valueFor(world(), world().b, "select 1");
    const [before] = await backends(world());
    await work();
    expect((await backends(world())).map(({ pid }) => pid)).toEqual([before?.pid]);
  }

  attack({
    id: "P03",
    title: "leave a temporary table in front of B's",
    expected: "42501",
    async run(attempt) {
      const shadow = "create temporary table employees as select 'forged' as external_id";
      await world().attackBySql(attempt, [shadow]);
      await world().attackBySql(attempt, ["reset role", shadow]);
    },
  });

  attack({
    id: "P04",
    title: "fetch from a cursor that B left open",
    expected: "34000",
    run: (attempt) =>
      onOneConnection(async () => {
        for (const [way, send] of Object.entries(world().ways)) {
          await world().plane.open(world().b).em.execute(leavings.cursor);
          await attempt(way, () => send([leavings.fetch]));
        }
      }),
  });

  attack({
    id: "P05",
    title: "leave a prepared statement for B to run",
    expected: "26000",
    run: (attempt) =>
      onOneConnection(async () => {
        for (const [way, send] of Object.entries(world().ways)) {
          await send([leavings.prepare]);
          await attempt(`${way}, then B`, () => world().plane.open(world().b).em.execute(leavings.execute));
        }
      }),
  });

  attack({
    id: "P06",
    title: "leave a setting that stops B from writing",
    expected: "off",
    run: (attempt) =>
      onOneConnection(async () => {
        for (const [way, send] of Object.entries(world().ways)) {
          await send([leavings.setting]);
          const read = () => valueFor(world(), world().b, "show default_transaction_read_only");
          await attempt(`${way}, then B`, read, (value) => value);
        }
      }),
  });

  attack({
    id: "P07",
    title: "leave the own role on the connection",
    expected: "none",
    run: (attempt) =>
      onOneConnection(async () => {
        for (const [way, send] of Object.entries(world().ways)) {
          await send([`set role ${world().a.vault}`]);
          await attempt(
            `${way}, then nobody`,
            () => shown(world(), "role"),
            (value) => value,
          );
        }
      }),
  });

  attack({
    id: "P08",
    title: "leave the own search path on the connection",
    expected: '""',
    run: (attempt) =>
      onOneConnection(async () => {
        for (const [way, send] of Object.entries(world().ways)) {
          await send([`set search_path = "${world().a.vault}", pg_temp`]);
          await attempt(
            `${way}, then nobody`,
            () => shown(world(), "search_path"),
            (value) => value,
          );
        }
      }),
  });

  attack({
    id: "P09",
    title: "go on listening on a connection that B has next",
    expected: "nothing heard",
    run: (attempt) =>
      onOneConnection(async () => {
        const heard: string[] = [];
        const stop = onClientEvent(({ kind, channel = "" }) => void (kind === "notification" && heard.push(channel)));
        for (const [way, send] of Object.entries(world().ways)) {
          await send([leavings.listen]);
          const next = () => valueFor(world(), world().b, "select 1");
          // B has the connection; whatever is still heard on it, B hears.
          await next();
          await world().admin("notify news, 'text'");
          await attempt(`${way}, then B`, next, () => (heard.length === 0 ? "nothing heard" : heard.join(", ")));
        }
        stop();
      }),
  });

  attack({
    id: "P10",
    title: "go on holding an advisory lock on a connection that B has next",
    expected: "0 locks",
    run: (attempt) =>
      onOneConnection(async () => {
        // Taken from PUBLIC (E25); given back here to see the wall behind.
        await world().admin("grant execute on function pg_advisory_lock(bigint) to public");
        for (const [way, send] of Object.entries(world().ways)) {
          await send([leavings.lock]);
          await attempt(
            `${way}, then B`,
            () => valueFor(world(), world().b, "select 1"),
            async () => {
              const locks = await world().admin(
                `select from pg_locks where locktype = 'advisory' and database =
                 (select oid from pg_database where datname = current_database())`,
              );
              return `${locks.length} locks`;
            },
          );
        }
        await world().admin("revoke execute on function pg_advisory_lock(bigint) from public");
      }),
  });

  attack({
    id: "P11",
    title: "read B with a token that B left on the connection",
    expected: "WV001, logged",
    run: (attempt) =>
      onOneConnection(async () => {
        const { b, plane } = world();
        for (const [way, send] of Object.entries(world().ways)) {
          const token = await valueFor(world(), b, "show wellvault.token");
          await plane.open(b).em.execute(`set wellvault.token = '${token}'`);
          await attempt(
            way,
            () => send(["commit", `set role ${b.vault}`, `select external_id from ${b.vault}.employees`]),
            undefined,
            world().alerts.mark(),
          );
        }
      }),
  });
}

/** A setting of the pool's connection when no session holds it. */
async function shown(world: AttackWorld, name: string): Promise<string> {
  const [row] = await bareManager(world).execute<Record<string, unknown>[]>(`show ${name}`);
  return String(Object.values(row ?? {})[0]);
}
