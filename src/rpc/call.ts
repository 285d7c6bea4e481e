import { createContextKey } from "@connectrpc/connect";
import type { Principal } from "../identity/principal.ts";
import type { TenantEntry } from "../tenancy/tenant.ts";

/** What the gate found out about a call before its body was read. */
export interface Call {
  /** Who makes it. */
  readonly principal: Principal;
  /** The tenant it works on; undefined for methods of the platform. */
  readonly tenant: TenantEntry | undefined;
  /**
   * Passes the gate again, with the credentials that the call brought: a stream may outlive them, its tenant's state and
   * its caller's rights.
   *
   * @throws WellvaultError as the gate does
   */
  readonly again: () => Promise<Call>;
}

/** Where the gate leaves the {@link Call} for the handler. */
export const callKey = createContextKey<Call | undefined>(undefined, { description: "wellvault call" });
