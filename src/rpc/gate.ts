import { setTimeout as sleep } from "node:timers/promises";
import type { HandlerContext } from "@connectrpc/connect";
import type { Logger } from "pino";
import { errors, type WellvaultError } from "../errors.ts";
import { ErrorReason } from "../gen/wellvault/v1/error_reason_pb.ts";
import { requireAccess } from "../identity/access-rules.ts";
import type { Authenticate } from "../identity/principal.ts";
import { chooseTenant } from "../identity/tenant-choice.ts";
import type { TenantDirectory } from "../tenancy/directory.ts";
import { type Call, callKey } from "./call.ts";
import { toCatalogueError, toConnectError } from "./connect-error.ts";
import { credentialsKey } from "./peer.ts";
import { untilAborted } from "./until-aborted.ts";

/** What the gate needs. */
export interface GateOptions {
  readonly authenticate: Authenticate;
  readonly directory: TenantDirectory;
  readonly log: Logger;
}

/**
 * When a call for a tenant is refused, in milliseconds from its start. A tenant that the caller may not act
 * for is refused without a look, one that does not exist or is suspended after one, which is quick when the
 * directory remembers it: all of them are answered together, so that the time tells none of this.
 */
export const denialMs = 10;

/**
 * Makes the gate that every call passes before its body is read: who calls, whether the role may call
 * the method, and which tenant's vault the call is for. It refuses or leaves a Call in the context.
 */
export function createGate({ authenticate, directory, log }: GateOptions): (context: HandlerContext) => Promise<void> {
  async function admit(context: HandlerContext): Promise<Call> {
    const { signal } = context;
    const credentials = context.values.get(credentialsKey);
    // The connection is gone, and with it what it proved.
    if (!credentials) throw errors.cancelled();
    const proof = authenticate(credentials);
    const principal = proof instanceof Promise ? await untilAborted(proof, signal) : proof;
    const again = () => admit(context);
    const rule = requireAccess(principal, context.method);
    if (rule.scope === "platform") return { principal, tenant: undefined, again };
    const found = directory.lookup(chooseTenant(principal));
    const tenant = found instanceof Promise ? await untilAborted(found, signal) : found;
    // Not there and not active are the same to a caller: neither may be found out.
    if (tenant?.state !== "ACTIVE") throw errors.tenantDenied();
    return { principal, tenant, again };
  }

  return async (context) => {
    const startedAt = performance.now();
    const { signal } = context;
    try {
      context.values.set(callKey, await admit(context));
    } catch (error) {
      const known = toCatalogueError(error, log, signal);
      if (isDenial(known)) await heldBack(startedAt, signal);
      throw toConnectError(known);
    }
  };
}

function isDenial(error: WellvaultError): boolean {
  return error.reason === ErrorReason.TENANT_DENIED;
}

async function heldBack(startedAt: number, signal: AbortSignal): Promise<void> {
  const waitMs = startedAt + denialMs - performance.now();
  if (waitMs > 0) await sleep(Math.ceil(waitMs), undefined, { signal }).catch(() => undefined);
}
