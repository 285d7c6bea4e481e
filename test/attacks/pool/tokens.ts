import { expect } from "vitest";
import { loginUrl } from "../../../src/database/logins.ts";
import { deriveTokenKey } from "../../../src/database/token-key.ts";
import { EmployeeEntity } from "../../../src/employees/employee-entity.ts";
import type { TenantSession } from "../../../src/tenancy/session.ts";
import { openTenantSessions, type TenantSessions } from "../../../src/tenancy/sessions.ts";
import { createTenantTokens, type TenantTokens } from "../../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../../support/migrate.ts";
import type { AttackSuite, Attempt } from "../support/attack.ts";
import { type AttackWorld, readRoster } from "../support/world.ts";

/** P16 to P18: transactions pinned to B with a token that is not for it, not any more, or not from the service. */
export function declareTokens({ attack }: AttackSuite, world: () => AttackWorld): void {
  attack({
    id: "P16",
    title: "pin B with A's token",
    expected: "WV001",
    async run(attempt) {
      const { plane, a, b } = world();
      const honest = createTenantTokens(testTokenKey);
      await pinB(world(), attempt, "A's token", { sign: (_, timeoutMs) => honest.sign(a.companyId, timeoutMs) });
      // With A's company as well the pin is taken, and the rows ask for the token themselves.
      const mixed = plane.open({ ...b, companyId: a.companyId });
      await attempt("A's token and company, a statement", () => mixed.query(readRoster, []));
      await attempt("A's token and company, a manager", () => mixed.em.find(EmployeeEntity, {}));
    },
  });

  attack({
    id: "P17",
    title: "pin B with a token of B that has expired",
    expected: "WV001",
    async run(attempt) {
      for (const age of [60_000, 3_600_000, 10 * 365 * 86_400_000]) {
        const old = createTenantTokens(testTokenKey, () => Date.now() - age - 40_000 - 15_000);
        await pinB(world(), attempt, `a token ${age / 1_000} s too old`, old);
      }
      // The control inside: the same signer with the right time is taken.
      const session = sessionOfB(world(), createTenantTokens(testTokenKey));
      expect(await session.work((open) => open.query(readRoster, []))).toHaveLength(5);
    },
  });

  attack({
    id: "P18",
    title: "pin B with a token signed with a key that is unknown or retired, or one that was changed",
    expected: "WV001",
    async run(attempt) {
      const { b } = world();
      await pinB(world(), attempt, "an unknown key", createTenantTokens(deriveTokenKey("unknown")));

      const other = deriveTokenKey("retired");
      await world().admin(`select guard.install_key('${other.id}', '\\x${other.secret.toString("hex")}')`);
      const session = sessionOfB(world(), createTenantTokens(other));
      expect(await session.work((open) => open.query(readRoster, []))).toHaveLength(5);
      await world().admin(`select guard.retire_keys('${testTokenKey.id}')`);
      await pinB(world(), attempt, "a retired key", createTenantTokens(other));

      const [keyId, expiry, mac] = createTenantTokens(testTokenKey).sign(b.companyId, 10_000).split(".");
      const changed: Record<string, string> = {
        "no token": "",
        "a later expiry": `${keyId}.${Number(expiry) + 3_600}.${mac}`,
        "no mac": `${keyId}.${expiry}.`,
        "half a mac": `${keyId}.${expiry}.${mac?.slice(0, 32)}`,
        "a mac in capitals": `${keyId}.${expiry}.${mac?.toUpperCase()}`,
        "another key's id": `${other.id}.${expiry}.${mac}`,
        "text around": ` ${keyId}.${expiry}.${mac}\n`,
        "an expiry that is no number": `${keyId}.9999999x99.${mac}`,
        SQL: "' or true --",
      };
      for (const [way, token] of Object.entries(changed)) await pinB(world(), attempt, way, { sign: () => token });
    },
  });
}

/** Opens sessions of B whose transactions are signed by another signer, and reads by them. */
export async function pinB(world: AttackWorld, attempt: Attempt, way: string, tokens: TenantTokens): Promise<void> {
  const { work } = sessionOfB(world, tokens);
  await attempt(`${way}, session.query`, () => work((session) => session.query(readRoster, [])));
  await attempt(`${way}, em.find`, () => work((session) => session.em.find(EmployeeEntity, {})));
}

/** Sessions of B over a data plane that differs from the service's in what signs its tokens. */
function sessionOfB({ plane, b }: AttackWorld, tokens: TenantTokens) {
  return {
    async work<T>(run: (session: TenantSession) => Promise<T>): Promise<T> {
      const sessions: TenantSessions = openTenantSessions({
        urlOf: (login) => loginUrl(plane.database.url, login, undefined),
        loginCount: 1,
        poolSize: 1,
        tokens,
        entities: [EmployeeEntity],
        onWarning: () => undefined,
      });
      try {
        return await run(sessions.open({ tenant: b, signal: new AbortController().signal, timeoutMs: 10_000 }));
      } finally {
        await sessions.close();
      }
    },
  };
}
