import { createClient } from "@connectrpc/connect";
import { EmployeeService } from "../../gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../gen/wellvault/v1/metric_service_pb.ts";
import { People } from "../../importers/find-people.ts";
import { type RetryOptions, withRetries } from "../../importers/retry.ts";
import type { SendSamples } from "../../importers/send-batch.ts";
import type { TenantCaller } from "../tenant-caller.ts";

/** How to send samples. */
export interface SendOptions {
  /** Looks people up and sends nothing. */
  readonly dryRun: boolean;
  readonly retry: RetryOptions;
  /** Told of samples that cannot be kept because of whose they are. */
  readonly onRefusedPerson: (externalId: string, problem: string, samples: number) => void;
}

/** Makes what sends samples to a service, by the external ids of the people they are of. */
export function samplesSender(caller: TenantCaller, { dryRun, retry, onRefusedPerson }: SendOptions): SendSamples {
  const people = new People(createClient(EmployeeService, caller.transport), caller.options);
  const metrics = createClient(MetricService, caller.transport);
  return async (externalId, samples) => {
    const found = await withRetries(() => people.find(externalId), retry);
    const refuse = (problem: string) => {
      onRefusedPerson(externalId, problem, samples.length);
      return { type: "person refused" } as const;
    };
    if ("problem" in found) return refuse(found.problem);
    if (dryRun) return { type: "dry" };
    const request = { employeeId: found.employeeId, samples: [...samples] };
    try {
      const stored = await withRetries(() => metrics.putSamples(request, caller.options), retry);
      const { insertedCount: inserted, replacedCount: replaced, unchangedCount: unchanged, staleCount: stale } = stored;
      return { type: "stored", counts: { inserted, replaced, unchanged, stale } };
    } catch (error) {
      const lost = people.lost(externalId, error);
      if (lost === undefined) throw error;
      return refuse(lost);
    }
  };
}
