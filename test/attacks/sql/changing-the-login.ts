import type pg from "pg";
import { expect } from "vitest";
import { ExtendedClient } from "../../../src/database/extended-client.ts";
import { loginUrl, setLoginPasswords } from "../../../src/database/logins.ts";
import { verify } from "../../../src/verify/verify.ts";
import { testTokenKey } from "../../support/migrate.ts";
import type { AttackSuite, Attempt } from "../support/attack.ts";
import { describeResult } from "../support/outcome.ts";
import type { AttackWorld } from "../support/world.ts";
import { readB } from "./becoming-another.ts";

/**
 * S06 and S07. A role may always change its own settings and its own password, and the login is within
 * reach of whole statements. `wellvault verify` tells it; what it is good for, the token wall decides.
 */
export function declareChangingTheLogin({ attack }: AttackSuite, world: () => AttackWorld): void {
  attack({
    id: "S06",
    title: "have every new session of the login begin as B, and read B (verify tells it)",
    expected: "WV001, logged",
    async run(attempt) {
      const { a, b, plane } = world();
      const database = new URL(plane.database.url).pathname.slice(1);
      const before = await world().fingerprint();
      const unchanged = await findings(world());
      expect(unchanged["role-settings"]).not.toContain(b.vault);
      expect(unchanged["login-passwords"]).not.toContain(a.login);
      for (const [way, send] of Object.entries(world().ways)) {
        await send(["reset role", `alter role ${a.login} in database ${database} set role = '${b.vault}'`]);
        const changed = await world().fingerprint();
        await readByNewConnection(world(), attempt, way, undefined);
        if (way === "em.execute") expect((await findings(world()))["role-settings"]).toContain(`role=${b.vault}`);
        await world().admin(`alter role ${a.login} in database ${database} reset role`);
        expect(changed.catalogue).not.toBe(before.catalogue);
        expect(changed.rows).toBe(before.rows);
      }
    },
  });

  attack({
    id: "S07",
    title: "change the login's password, log in with it and read B (verify tells it)",
    expected: "WV001, logged",
    async run(attempt) {
      const { a, plane } = world();
      for (const [way, send] of Object.entries(world().ways)) {
        await send(["reset role", `alter role ${a.login} password 'taken'`]);
        await readByNewConnection(world(), attempt, way, "taken");
        if (way === "em.execute") expect((await findings(world()))["login-passwords"]).toContain(a.login);
        // The next migration puts it right, and says so.
        expect(await setLoginPasswords(plane.database.admin, plane.database.url, undefined)).toEqual([a.login]);
      }
    },
  });
}

/** Reads B by a new connection of the login, as the service would open one. */
async function readByNewConnection(
  { plane, a, b, alerts }: AttackWorld,
  attempt: Attempt,
  way: string,
  password: string | undefined,
): Promise<void> {
  const url = new URL(loginUrl(plane.database.url, a.login, undefined));
  if (password) url.password = password;
  const client = new ExtendedClient({ connectionString: url.href }) as pg.Client;
  await client.connect();
  await attempt(
    `${way}, then a new connection`,
    async () => {
      await client.query(`set role ${b.vault}`);
      return (await client.query(readB(b.vault))).rows;
    },
    describeResult,
    alerts.mark(),
  );
  await client.end();
}

/** What two checks of `wellvault verify` find, as text, by the check's id. */
async function findings({ plane, superuser }: AttackWorld): Promise<Record<string, string>> {
  const { checks } = await verify({
    migrator: superuser,
    urlOf: (login) => loginUrl(plane.database.url, login, undefined),
    tokenKey: testTokenKey,
  });
  const told = ["role-settings", "login-passwords"].map((wanted) => {
    const check = checks.find(({ id }) => id === wanted);
    expect(check?.result, `the check ${wanted}`).toMatch(/^(passed|failed)$/);
    return [wanted, (check?.findings ?? []).map(({ object, problem }) => `${object}: ${problem}`).join("\n")] as const;
  });
  return Object.fromEntries(told);
}
