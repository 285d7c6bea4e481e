import { expect } from "vitest";
import { requireLoginSecret } from "../../../src/database/logins.ts";
import { deriveTokenKey } from "../../../src/database/token-key.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import { type Caller, openCaller } from "../../support/callers.ts";
import { caller as claimsOf, createKey } from "../../support/tokens.ts";
import { describeFailure } from "../support/outcome.ts";
import type { Company } from "./company.ts";
import { type Badge, bearer, openIssuer } from "./issuer.ts";
import type { Stage } from "./stage.ts";

/** What became of calls while keys were changed. */
export interface Rotation {
  /** In words. */
  readonly words: string;
  /** What A's callers got. */
  readonly gotByA: readonly unknown[];
}

/** Lists a company's employees; every one of them must be its own, and there must be some. */
async function ownRoster(caller: Caller, company: Company, badge: Badge): Promise<unknown> {
  const answer = await caller.call(EmployeeService.method.listEmployees, {}, badge);
  expect(answer.employees.length).toBeGreaterThan(0);
  for (const { displayName } of answer.employees) expect(displayName).toBe(`name-${company.marker}`);
  return answer;
}

/**
 * Changes the keys that callers' tokens are signed with, and those of the tenant tokens, as an operator does:
 * both are there, a new process uses the new ones, the old ones are retired.
 */
export async function rotateKeys(stage: Stage): Promise<Rotation> {
  const { a, b, database } = stage;
  const gotByA: unknown[] = [];
  const issuer = await openIssuer();
  const second = await createKey("second");
  await issuer.publish([issuer.key, second]);
  const service = await stage.startAnother({ tokenSecret: "another secret" }, issuer.settings);
  const fresh = openCaller(service.address, "grpc");
  const old = stage.callers["grpc-js"];
  const words: string[] = [];
  try {
    const [first, next] = await Promise.all(
      [issuer.key, second].map(async (key) => bearer(await key.sign(claimsOf("company_admin", a.tenantId)))),
    );
    const ofB = bearer(await second.sign(claimsOf("company_admin", b.tenantId)));
    if (!first || !next) throw new Error("unreachable: there are two keys");

    // Old and new processes, and old and new credentials, side by side.
    for (let round = 0; round < 5; round++) {
      const calls = [ownRoster(fresh, a, first), ownRoster(fresh, a, next), ownRoster(old, a, a.badges.admin)];
      gotByA.push(...(await Promise.all(calls)));
      await Promise.all([ownRoster(fresh, b, ofB), ownRoster(old, b, b.badges.admin)]);
    }
    words.push("served while both keys are there, then");

    await issuer.publish([second]);
    await service.reload();
    const retired = await stage.noted(ownRoster(fresh, a, first)).catch((error: unknown) => error);
    gotByA.push(retired, await ownRoster(fresh, a, next));
    words.push(describeFailure(retired), "and");

    const { admin } = database;
    const oldKey = deriveTokenKey(requireLoginSecret(database.url, undefined));
    await admin.query("select guard.retire_keys($1)", [deriveTokenKey("another secret").id]);
    const logged = stage.logs.lines.length;
    // Every way that statements go fails loudly, and none looks like a vault without rows.
    const refused: unknown[] = [];
    for (const company of [a, b, a]) {
      refused.push(await ownRoster(old, company, company.badges.admin).catch((error: unknown) => error));
    }
    gotByA.push(refused[0], refused[2], await ownRoster(fresh, a, next));
    await ownRoster(fresh, b, ofB);
    words.push([...new Set(refused.map(describeFailure))].join(", "));
    const alerts = stage.logs.lines
      .slice(logged)
      .filter((line) => line.includes('"level":50') && line.includes("WV001"));
    expect(alerts.length).toBe(refused.length);
    await admin.query("select guard.install_key($1, $2)", [oldKey.id, oldKey.secret]);
  } finally {
    fresh.close();
    await issuer.close();
  }
  return { words: words.join(" "), gotByA };
}
