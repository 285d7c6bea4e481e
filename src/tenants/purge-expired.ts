import type { MessageInitShape } from "@bufbuild/protobuf";
import { fromMicros } from "../civil-time.ts";
import { WellvaultError } from "../errors.ts";
import { ErrorReason } from "../gen/wellvault/v1/error_reason_pb.ts";
import type { PurgeExpiredRequest, PurgeExpiredResponseSchema } from "../gen/wellvault/v1/tenant_service_pb.ts";
import { canaryTenantId } from "../tenancy/canary-id.ts";
import type { ControlStore } from "../tenancy/control-store.ts";
import { type PurgeStep, purgeExpiredStep } from "../tenancy/statements/purge-expired.ts";
import { tenantNotFound } from "./tenant-not-found.ts";

/** Rows that a step removes at most: a transaction of a moment, for whose locks nobody waits long. */
const rowsOfStep = 5_000;

/** How often a step is tried that collides with writes. */
const attempts = 3;

/**
 * Removes what a tenant does not keep any more, or counts it, and tells after each step how far it is. A step that was
 * told is done; when the signal fires, the one under way is undone and none follows.
 *
 * @throws WellvaultError RESOURCE_NOT_FOUND when there is no such tenant, CONFLICT when a step collided with writes
 */
export async function* purgeExpired(
  store: ControlStore,
  { tenantId, validateOnly }: PurgeExpiredRequest,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof PurgeExpiredResponseSchema>> {
  if (tenantId === canaryTenantId) throw tenantNotFound(tenantId);
  let samples = 0n;
  let entries = 0n;
  let after: number | null = 0;
  while (after !== null) {
    const step = await takeStep(store, tenantId, after, validateOnly, signal);
    if (!step || step.sample_start_micros === null || step.log_start_micros === null) throw tenantNotFound(tenantId);
    samples += BigInt(step.sample_count ?? 0);
    entries += BigInt(step.log_entry_count ?? 0);
    after = step.next_employee;
    yield {
      sampleCount: samples,
      logEntryCount: entries,
      complete: after === null,
      sampleStartTime: fromMicros(step.sample_start_micros),
      logEntryStartTime: fromMicros(step.log_start_micros),
    };
  }
}

async function takeStep(
  store: ControlStore,
  tenantId: string,
  after: number,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<PurgeStep | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      const [step] = await store.query(purgeExpiredStep, [tenantId, after, rowsOfStep, dryRun], signal);
      return step;
    } catch (error) {
      const isCollision = error instanceof WellvaultError && error.reason === ErrorReason.CONFLICT;
      if (!isCollision || attempt >= attempts) throw error;
    }
  }
}
