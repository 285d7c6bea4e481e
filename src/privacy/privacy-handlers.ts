import type { MessageInitShape } from "@bufbuild/protobuf";
import { errors } from "../errors.ts";
import type { ExportEmployeeRequest, ExportEmployeeResponseSchema } from "../gen/wellvault/v1/privacy_service_pb.ts";
import { createFairShare } from "../tenancy/fair-share.ts";
import type { SessionOptions, TenantSession } from "../tenancy/session.ts";
import { createStreamPlaces } from "../tenancy/stream-places.ts";
import type { TenantEntry } from "../tenancy/tenant.ts";
import { createPartQueue } from "./part-queue.ts";
import { maxPartBytes } from "./part-writer.ts";
import { readExport } from "./read-export.ts";

/** What an export may take, so that its transaction holds no rows of the past for ever. */
export interface ExportLimits {
  /** What is read ahead of the caller, in bytes. */
  readonly aheadBytes: number;
  /** For how long the caller may take nothing once that is full, in milliseconds. */
  readonly stallMs: number;
  /** For how long an export may take altogether, in milliseconds. */
  readonly totalMs: number;
  /** Exports that run at the same time; those beyond it wait. */
  readonly atOnce: number;
  /** For how long they wait, in milliseconds. */
  readonly waitMs: number;
  /**
   * Exports that may be open at the same time, a quarter of them of one tenant: also those that wait, and those that
   * are read and not taken yet.
   */
  readonly open: number;
}

/** The limits that ExportEmployee promises; see docs/decisions. */
export const exportLimits: ExportLimits = {
  aheadBytes: 8 * 1_024 * 1_024,
  // Less than idle_in_transaction_session_timeout, at which the database would end the transaction by itself.
  stallMs: 4_000,
  totalMs: 300_000,
  atOnce: 4,
  waitMs: 10_000,
  open: 32,
};

/** What a streaming handler gets of its call. */
export interface StreamCall {
  readonly tenant: TenantEntry;
  readonly signal: AbortSignal;
  open(options: SessionOptions): TenantSession;
}

/** Makes the handlers of PrivacyService. */
export function createPrivacyHandlers(limits: ExportLimits = exportLimits) {
  const share = createFairShare({ slots: limits.atOnce, waitMs: limits.waitMs });
  const places = createStreamPlaces(limits.open, "exports");
  type Response = MessageInitShape<typeof ExportEmployeeResponseSchema>;
  return {
    async *exportEmployee(
      { employeeId }: ExportEmployeeRequest,
      { tenant, signal, open }: StreamCall,
    ): AsyncGenerator<Response> {
      const leave = places.take(tenant.tenantId);
      const queue = createPartQueue<Response>({
        maxItems: limits.aheadBytes / maxPartBytes,
        stallMs: limits.stallMs,
      });
      // Fires when the caller takes no more, whatever the reason.
      const end = new AbortController();
      const whole = AbortSignal.any([signal, end.signal]);
      const read = () =>
        readExport(
          open({ tenant, signal: whole, timeoutMs: limits.totalMs }),
          employeeId.toLowerCase(),
          tenant.schemaVersion,
          (part) => queue.push({ content: { case: "part", value: part } }),
        );
      const late = setTimeout(() => {
        // What waits to be taken is dropped too: a caller who never reads must not keep it in memory.
        queue.fail(errors.readerTooSlow());
        end.abort(errors.readerTooSlow());
      }, limits.totalMs);
      share
        .run(tenant.vault, whole, read)
        .then(async (manifest) => {
          await queue.push({ content: { case: "manifest", value: manifest } });
          queue.end();
        })
        .catch((error: unknown) => queue.fail(error));
      try {
        yield* queue;
      } finally {
        leave();
        clearTimeout(late);
        end.abort(errors.cancelled());
        queue.fail(errors.cancelled());
      }
    },
  };
}
