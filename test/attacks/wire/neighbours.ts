import { setTimeout as sleep } from "node:timers/promises";
import { inParallel } from "../../../src/cli/demo/in-parallel.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import { TenantService } from "../../../src/gen/wellvault/v1/tenant_service_pb.ts";
import { openGrpcJsCaller } from "../../support/grpc-js.ts";
import { newSlug } from "./calls.ts";
import type { Badge } from "./issuer.ts";
import type { Stage } from "./stage.ts";

/** How B was served while others called. */
export interface Latency {
  readonly asked: number;
  readonly served: number;
  readonly p99Ms: number;
}

/** Measures what others do to B. */
export interface Neighbours {
  /** How B is served while 500 calls run all the time: of A alone, of A and many others, or of nobody. */
  latencyOfB(who: "A" | "many" | "nobody"): Promise<Latency>;
  close(): void;
}

const atATime = 500;
/** Calls of B in a measurement, and the pause between their starts in milliseconds. */
const asked = 20;
const everyMs = 25;

/** Opens the callers, and provisions companies for the load to be spread over. */
export async function openNeighbours(stage: Stage, companies: number): Promise<Neighbours> {
  // A connection carries 256 calls at the same time.
  const callers = Array.from({ length: 4 }, () => openGrpcJsCaller(stage.address));
  const ofB = openGrpcJsCaller(stage.address);
  const { operator } = stage.a.badges;
  const others = await inParallel(Array.from({ length: companies }), 4, async () => {
    const tenantId = newSlug();
    await ofB.call(TenantService.method.provisionTenant, { tenantId, displayName: "Neighbour" }, operator);
    return await stage.issuer.badge("company_admin", tenantId);
  });
  const badges: Readonly<Record<"A" | "many" | "nobody", readonly Badge[]>> = {
    A: [stage.a.badges.admin],
    many: [stage.a.badges.admin, ...others],
    nobody: [],
  };
  const list = (caller: typeof ofB, badge: Badge, signal?: AbortSignal) => {
    const options = { ...badge, timeoutMs: 30_000, ...(signal ? { signal } : {}) };
    return caller.call(EmployeeService.method.listEmployees, { pageSize: 1 }, options);
  };

  return {
    async latencyOfB(who) {
      const load = badges[who];
      let done = 0;
      const stop = new AbortController();
      const loops = Array.from({ length: load.length > 0 ? atATime : 0 }, async (_, index) => {
        const caller = callers[index % callers.length];
        for (let turn = index; !stop.signal.aborted && caller; turn++) {
          await list(caller, load[turn % load.length] as Badge, stop.signal).catch(() => undefined);
          done++;
        }
      });
      // All of them are on their way once some were answered.
      while (done < loops.length / 4) await sleep(5);
      const times: number[] = [];
      const calls = Array.from({ length: asked }, async (_, index) => {
        await sleep(index * everyMs);
        const startedAt = performance.now();
        const isServed = await list(ofB, stage.b.badges.admin).then(
          () => true,
          () => false,
        );
        if (isServed) times.push(performance.now() - startedAt);
      });
      await Promise.all(calls);
      stop.abort();
      await Promise.all(loops);
      times.sort((a, b) => a - b);
      return { asked, served: times.length, p99Ms: times.at(-1) ?? Number.POSITIVE_INFINITY };
    },
    close() {
      for (const caller of [...callers, ofB]) caller.close();
    },
  };
}
