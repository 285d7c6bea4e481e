import { createRouterTransport } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Principal } from "../identity/principal.ts";
import { canaryTenantId } from "../tenancy/canary-id.ts";
import type { TenantDirectory } from "../tenancy/directory.ts";
import type { TenantEntry } from "../tenancy/tenant.ts";
import type { Caller, ServiceAccess } from "../verify/canary-service.ts";
import { createCallInterceptor } from "./call-interceptor.ts";
import { createGate } from "./gate.ts";
import { createHealthState } from "./health.ts";
import { credentialsKey } from "./peer.ts";
import { registerApi, type ServiceParts } from "./services.ts";

/** Names the caller of a call made inside the process. It never crosses a wire. */
const callerHeader = "x-caller";

/**
 * Opens a way to call this service's own handlers inside the process, for the verification: through the same
 * gate, validation and sessions as every call, with a principal that is given instead of proven. There is no
 * port, so nobody else can use it.
 *
 * @param canary the canary, which only calls of this way may act for
 */
export function openInProcessAccess(
  parts: Pick<ServiceParts, "store" | "directory" | "sessions">,
  canary: TenantEntry | undefined,
  log: Logger,
): ServiceAccess {
  const callers = new Map<string, Principal>();
  const directory: TenantDirectory = {
    lookup: (id) => (id === canaryTenantId ? canary : parts.directory.lookup(id)),
    forget: (id) => parts.directory.forget(id),
  };
  const transport = createRouterTransport(
    (router) =>
      registerApi(router, {
        ...parts,
        directory,
        health: createHealthState([]),
        // The verification reads; it opens no streams.
        sampleStreams: { streams: 0, idleMs: 0, batchMs: 0 },
        draining: new AbortController().signal,
        runVerification: undefined,
      }),
    {
      router: {
        interceptors: [createCallInterceptor(log)],
        maxTimeoutMs: 10_000,
        requestGate: async (context) => {
          const principal = callers.get(context.requestHeader.get(callerHeader) ?? "");
          if (!principal) throw new Error("a call inside the process without a caller");
          context.values.set(credentialsKey, { rawHeaders: [], peer: undefined });
          await createGate({ authenticate: () => principal, directory, log })(context);
        },
      },
    },
  );
  return {
    way: "inside the process, through the same gate, validation, handlers and sessions as every call, with trusted principals",
    transport,
    as({ role, tenantId, employeeId }: Caller) {
      const id = [role, tenantId, employeeId ?? ""].join("/");
      callers.set(id, {
        subject: "wellvault verify",
        role,
        tenants: [tenantId],
        employeeId,
        via: undefined,
        namedTenantId: tenantId,
      });
      return { headers: { [callerHeader]: id }, timeoutMs: 10_000 };
    },
  };
}
