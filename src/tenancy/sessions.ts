import type { EntitySchema } from "@mikro-orm/postgresql";
import { defaultPoolWaitMs } from "../config.ts";
import { firstDataLogin } from "../database/logins.ts";
import { openOrm } from "../database/orm.ts";
import { createDatabaseProbe } from "../database/probe.ts";
import { createFairShare } from "./fair-share.ts";
import { PinnedSession, type SessionParts } from "./pinned-session.ts";
import type { SessionOptions, TenantSession } from "./session.ts";
import type { TenantTokens } from "./tenant-tokens.ts";

/** The data plane: makes sessions and nothing else. */
export interface TenantSessions {
  /** Opens a session pinned to the tenant's vault. Costs no round trip. */
  open(options: SessionOptions): TenantSession;
  /** Whether the database answers. */
  ping(): Promise<boolean>;
  /** Closes every connection. */
  close(): Promise<void>;
}

/** How to make {@link TenantSessions}. */
export interface TenantSessionsOptions {
  /** Returns the URL of the database as one of the data plane's logins. */
  readonly urlOf: (login: string) => string;
  /** Logins that vaults are spread over, in the database and not by the setting. Each has a pool with an equal share. */
  readonly loginCount: number;
  /** Connections at most, of all logins together; a login has one at least. */
  readonly poolSize: number;
  /** How long a call waits for one of them before it is turned away, in milliseconds; 5,000 unless given. */
  readonly poolWaitMs?: number;
  /** Signs what shows a vault's rows to a transaction. */
  readonly tokens: TenantTokens;
  /** The entities of all services. */
  readonly entities: readonly EntitySchema[];
  /** Told of a tenant whose vault is missing: what is known of the tenant is out of date. */
  readonly onVaultGone?: (tenantId: string) => void;
  /** Told of trouble that no call sees. */
  readonly onWarning: (message: string) => void;
}

/**
 * Opens the data plane. This module is the only one that touches its pool and ORM, so a statement
 * that is not pinned to a vault cannot be written anywhere else.
 */
export function openTenantSessions(options: TenantSessionsOptions): TenantSessions {
  const planes = new Map<string, Omit<SessionParts, "tokens" | "onVaultGone">>();
  const waitMs = options.poolWaitMs ?? defaultPoolWaitMs;
  const poolSize = Math.max(1, Math.floor(options.poolSize / options.loginCount));
  const planeOf = (login: string) => {
    let entry = planes.get(login);
    if (!entry) {
      const plane = openOrm({ ...options, url: options.urlOf(login), poolSize });
      const share = createFairShare({ slots: poolSize, waitMs, nearnessOf: plane.nearnessOf });
      entry = { plane, share, writes: new Map() };
      planes.set(login, entry);
    }
    return entry;
  };
  const probe = createDatabaseProbe(options.urlOf(firstDataLogin));
  return {
    open(session) {
      const { tokens, onVaultGone } = options;
      return new PinnedSession({ ...planeOf(session.tenant.login), tokens, onVaultGone }, session);
    },
    ping: () => probe.ask(),
    async close() {
      await Promise.all([probe.close(), ...[...planes.values()].map(({ plane }) => plane.close())]);
    },
  };
}
