import type { TokenKey } from "../database/token-key.ts";
import { createTenantTokens } from "../tenancy/tenant-tokens.ts";
import { openAuditorConnection } from "./auditor-connection.ts";
import { catalogueChecks } from "./catalogue-checks.ts";
import type { CheckResult } from "./check.ts";
import { readExpectation } from "./expectation.ts";
import { checkLoginPasswords } from "./login-passwords.ts";
import { limits, type Report, readSubject, resultOf } from "./report.ts";
import { runCatalogueChecks } from "./run-catalogue-checks.ts";
import { type CanaryOptions, verifyCanary } from "./verify-canary.ts";

/** How far a verification is. */
export interface VerifyProgress {
  /** What is being done, such as `checks of the catalogue`. */
  readonly stage: string;
  readonly done: number;
  readonly of: number;
}

/** What to verify. */
export interface VerifyOptions {
  /**
   * Name of the role that migrates the database; undefined for whoever owns the schema control, which a
   * process that does not migrate can only believe.
   */
  readonly migrator: string | undefined;
  /** Returns the URL of the database as one of the service's own logins. */
  readonly urlOf: (login: string) => string;
  /** The key that this configuration signs tenant tokens with. */
  readonly tokenKey: TokenKey;
  /** Opens a way to call the service; without one, that it shows nothing is told as not checked. */
  readonly openAccess?: CanaryOptions["openAccess"];
  /** What the tenants that call the service are drawn by; made up when it is not given. */
  readonly seed?: string | undefined;
  /** Ends the verification when it fires. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

/**
 * Verifies that no tenant can reach another one's data: the catalogue, the logins, and the canary. It reads
 * only. A check that cannot be done is told as such and does not keep the others from being done.
 *
 * @throws Error when the auditor's login cannot connect, for then nothing can be checked
 */
export async function verify(options: VerifyOptions): Promise<Report> {
  const { signal, onProgress = () => undefined } = options;
  const startedAt = performance.now();
  const time = new Date().toISOString();
  const connection = await openAuditorConnection(options.urlOf("wellvault_auditor"), signal);
  try {
    const subject = await readSubject(connection);
    const expectation = await readExpectation(options.migrator ?? subject.database.controlOwner, options.tokenKey.id);
    const checks: CheckResult[] = [];
    let done = 0;
    onProgress({ stage: "checks of the catalogue", done, of: catalogueChecks.length });
    checks.push(
      ...(await runCatalogueChecks(connection, expectation, () => {
        signal?.throwIfAborted();
        onProgress({ stage: "checks of the catalogue", done: ++done, of: catalogueChecks.length });
      })),
    );
    checks.push(await checkLoginPasswords(connection, options.urlOf));
    const canary = await verifyCanary(connection, {
      ...options,
      tokens: createTenantTokens(options.tokenKey),
      onProgress,
    });
    checks.push(...canary.checks);
    return {
      format: "wellvault verification 1",
      time,
      durationMs: Math.round(performance.now() - startedAt),
      ...subject,
      result: resultOf(checks),
      checks,
      canary: canary.canary,
      limits,
    };
  } finally {
    await connection.close();
  }
}
