import type { MessageInitShape } from "@bufbuild/protobuf";
import { fromEpoch, toMicros, toTimestamptz } from "../civil-time.ts";
import { checkEmployeeExists } from "../employees/find-employee.ts";
import { errors } from "../errors.ts";
import type { ListMetricKindsResponseSchema, MetricService } from "../gen/wellvault/v1/metric_service_pb.ts";
import { decodePageToken, encodePageToken, type PageScope, pageSize } from "../paging.ts";
import type { TenantHandlers } from "../tenancy/handlers.ts";
import { checkRange } from "../time-rules.ts";
import { aggregateSamples } from "./aggregate-samples.ts";
import { chosenKinds } from "./chosen-kinds.ts";
import { deleteByKeys, deleteInRange } from "./delete-samples.ts";
import { getTrend } from "./get-trend.ts";
import { kinds } from "./kinds.ts";
import { putBatch } from "./put-batch.ts";
import { checkSamples } from "./sample-rules.ts";
import { listSamples } from "./statements/list-samples.ts";

/** Samples of a page: a day of minutes unless asked otherwise, 10,000 at most. */
const defaultPageSize = 1_440;
const maxPageSize = 10_000;

/** The handlers of MetricService that work on a tenant's data. */
export const metricHandlers: TenantHandlers<
  typeof MetricService,
  "putSamples" | "listSamples" | "deleteSamples" | "aggregateSamples" | "getTrend"
> = {
  // Not async, so that no part of it waits and holds the samples.
  putSamples(request, session) {
    const { employeeId, samples } = request;
    // All who wait for the answer hold the request, and none of them needs these any more.
    request.samples = [];
    return putBatch(session, employeeId, checkSamples(samples, new Date()));
  },

  async listSamples(request, session) {
    const { violations, from, to } = checkRange(request.startTime, request.endTime);
    const wanted = chosenKinds(request.kinds, violations);
    if (violations.length > 0) throw errors.fieldsInvalid(violations);
    const numbers = wanted.map((kind) => kind.number).sort((a, b) => a - b);
    const scope: PageScope = {
      method: "MetricService.ListSamples",
      tenantId: session.tenantId,
      args: [request.employeeId.toLowerCase(), numbers, from ?? null, to ?? null, request.source],
    };
    const key = decodePageToken(scope, request.pageToken, ["time", "int2", "int2"]);
    const size = pageSize(request.pageSize, defaultPageSize, maxPageSize);
    const rows = await session.query(listSamples, [
      request.employeeId,
      numbers,
      from === undefined ? null : toTimestamptz(from),
      to === undefined ? null : toTimestamptz(to),
      request.source || null,
      key ? String(key[0]) : null,
      key ? Number(key[1]) : null,
      key ? Number(key[2]) : null,
      size + 1,
    ]);
    if (rows.length === 0) await checkEmployeeExists(session, request.employeeId);
    const page = rows.slice(0, size);
    const last = rows.length > size ? page.at(-1) : undefined;
    return {
      samples: page.map(({ sample }) => sample),
      nextPageToken: last
        ? encodePageToken(scope, [toTimestamptz(toMicros(fromEpoch(last.start_epoch))), last.kind, last.source_no])
        : "",
    };
  },

  async deleteSamples({ employeeId, selection }, session) {
    const { deleted, missing, stale } =
      selection.case === "range"
        ? await deleteInRange(session, employeeId, selection.value)
        : await deleteByKeys(session, employeeId, selection.value?.keys ?? []);
    return { deletedCount: BigInt(deleted), missingCount: missing, staleCount: stale };
  },

  aggregateSamples,
  getTrend,
};

/** Describes every kind, by ascending slug. */
export function listMetricKinds(): MessageInitShape<typeof ListMetricKindsResponseSchema> {
  return {
    kinds: kinds
      .toSorted((a, b) => (a.slug < b.slug ? -1 : 1))
      .map((kind) => ({
        kind: kind.slug,
        displayName: kind.label,
        unit: kind.unit,
        loincCode: kind.loinc,
        shapes: [...kind.shapes],
        aggregation: kind.aggregation,
        minimum: kind.min,
        maximum: kind.max,
        sensitive: kind.sensitive,
        byWakingDay: kind.byWakingDay,
      })),
  };
}
