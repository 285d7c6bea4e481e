import type { HandlerContext } from "@connectrpc/connect";
import type { Logger } from "pino";
import { errors } from "../errors.ts";
import { requireAccess } from "../identity/access-rules.ts";
import type { Authenticate } from "../identity/principal.ts";
import type { TenantDirectory } from "../tenancy/directory.ts";
import { callKey } from "./call.ts";
import { toCatalogueError, toConnectError } from "./connect-error.ts";
import { untilAborted } from "./until-aborted.ts";

/** What the gate needs. */
export interface GateOptions {
  readonly authenticate: Authenticate;
  readonly directory: TenantDirectory;
  readonly log: Logger;
}

/**
 * Makes the gate that every call passes before its body is read: who calls, whether the role may call
 * the method, and which tenant's vault the call is for. It refuses or leaves a Call in the context.
 */
export function createGate({ authenticate, directory, log }: GateOptions): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    try {
      const principal = await authenticate(context.requestHeader);
      const rule = requireAccess(principal, context.method);
      if (rule.scope === "platform") {
        context.values.set(callKey, { principal, tenant: undefined });
        return;
      }
      if (!principal.tenantId) throw errors.tenantMissing();
      const tenant = await untilAborted(directory.lookup(principal.tenantId), context.signal);
      // Not there and not active are the same to a caller: neither may be found out.
      if (tenant?.state !== "ACTIVE") throw errors.tenantDenied();
      context.values.set(callKey, { principal, tenant });
    } catch (error) {
      throw toConnectError(toCatalogueError(error, log, context.signal));
    }
  };
}
