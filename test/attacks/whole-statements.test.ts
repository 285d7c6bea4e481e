import type pg from "pg";
import { afterAll, beforeAll, expect } from "vitest";
import { ExtendedClient } from "../../src/database/extended-client.ts";
import { loginUrl, setLoginPasswords } from "../../src/database/logins.ts";
import { readB } from "./sql/becoming-another.ts";
import { wholeStatements } from "./sql/whole-statements.ts";
import { type Attempt, attackSuite } from "./support/attack.ts";
import { describeResult } from "./support/outcome.ts";
import { type AttackWorld, openAttackWorld } from "./support/world.ts";

/** Roles belong to the whole server: a login that no other test uses. */
const login = "wellvault_app_97";
let world: AttackWorld;
beforeAll(async () => {
  world = await openAttackWorld({ login });
});
afterAll(() => world.close());

const { attack, complete } = attackSuite(() => world);

for (const { sql, describe, knows, alsoAsLogin, ...rest } of wholeStatements) {
  attack({
    ...rest,
    knows: () => knows?.(world) ?? [],
    async run(attempt) {
      await world.attackBySql(attempt, sql(world), describe);
      if (alsoAsLogin) await world.attackBySql(attempt, ["reset role", ...sql(world)], describe);
    },
  });
}

/** Reads B by a new connection of the login, as the service would open one. */
async function readByNewConnection(attempt: Attempt, way: string, password: string | undefined): Promise<void> {
  const url = new URL(loginUrl(world.plane.database.url, login, undefined));
  if (password) url.password = password;
  const client = new ExtendedClient({ connectionString: url.href }) as pg.Client;
  await client.connect();
  const before = world.alerts.count();
  await attempt(
    `${way}, then a new connection`,
    async () => {
      await client.query(`set role ${world.b.vault}`);
      return (await client.query(readB(world.b.vault))).rows;
    },
    (rows) => `${describeResult(rows)}${world.alerts.count() > before ? ", logged" : ""}`,
  );
  await client.end();
}

// A role may always change its own settings and its own password, and the login is within reach of whole
// statements. It shows: and what it is good for, the token wall decides.
attack({
  id: "S06",
  title: "have every new session of the login begin as B, and read B (the change is seen)",
  expected: "0 rows, logged",
  async run(attempt) {
    const database = new URL(world.plane.database.url).pathname.slice(1);
    const before = await world.fingerprint();
    for (const [way, send] of Object.entries(world.ways)) {
      await send(["reset role", `alter role ${login} in database ${database} set role = '${world.b.vault}'`]);
      const changed = await world.fingerprint();
      await readByNewConnection(attempt, way, undefined);
      await world.admin(`alter role ${login} in database ${database} reset role`);
      expect(changed.catalogue).not.toBe(before.catalogue);
      expect(changed.rows).toBe(before.rows);
    }
  },
});

attack({
  id: "S07",
  title: "change the login's password, log in with it and read B (the next migration sees it)",
  expected: "0 rows, logged",
  async run(attempt) {
    for (const [way, send] of Object.entries(world.ways)) {
      await send(["reset role", `alter role ${login} password 'taken'`]);
      await readByNewConnection(attempt, way, "taken");
      const { admin, url } = world.plane.database;
      expect(await setLoginPasswords(admin, url, undefined)).toEqual([login]);
    }
  },
});

complete();
