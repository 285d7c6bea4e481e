import type { Attempt } from "../support/attack.ts";
import { type ApiCall, tenantCalls } from "./calls.ts";
import type { Company } from "./company.ts";
import type { Badge } from "./issuer.ts";
import type { Stage } from "./stage.ts";

/**
 * Tries a call of every method that works on a tenant, through each client in turn.
 *
 * @param badge the metadata for a call that A would make as one of its own, or undefined for none
 * @param prey whose rows the requests are about; default A's own
 */
export async function everyTenantCall(
  stage: Stage,
  attempt: Attempt,
  badge: (call: ApiCall) => Badge | undefined | Promise<Badge | undefined>,
  prey: Company = stage.a,
  calls: readonly ApiCall[] = tenantCalls,
): Promise<void> {
  const clients = Object.entries(stage.callers);
  for (const [index, call] of calls.entries()) {
    const [name, caller] = clients[index % clients.length] ?? [];
    if (!name || !caller) continue;
    const metadata = await badge(call);
    await attempt(`${call.name} by ${name}`, () => stage.call(caller, call, call.request(prey), metadata));
  }
}
