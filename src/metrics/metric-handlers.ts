import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { civilDate, fromMicros, toTimestamptz } from "../civil-time.ts";
import { requireEmployeeNo } from "../employees/find-employee.ts";
import { errors, type FieldViolation } from "../errors.ts";
import { type MetricSample, MetricSampleSchema, type RecordingMethod } from "../gen/wellvault/v1/metric_pb.ts";
import type { ListMetricKindsResponseSchema, MetricService } from "../gen/wellvault/v1/metric_service_pb.ts";
import { decodePageToken, encodePageToken, type PageScope, pageSize } from "../paging.ts";
import type { TenantHandlers } from "../tenancy/handlers.ts";
import { checkRange } from "../time-rules.ts";
import { dedupeSamples } from "./dedupe-samples.ts";
import { type Kind, kinds, kindsByNumber, kindsBySlug } from "./kinds.ts";
import { checkSamples } from "./sample-rules.ts";
import { requireSourceNumbers, sourceKey } from "./sample-sources.ts";
import { listSamples, type SampleRow } from "./statements/list-samples.ts";
import { countStaleSamples, putSamples } from "./statements/put-samples.ts";

/** Samples of a page: a day of minutes unless asked otherwise, 10,000 at most. */
const defaultPageSize = 1_440;
const maxPageSize = 10_000;

/** The handlers of MetricService that work on a tenant's data. */
export const metricHandlers: TenantHandlers<typeof MetricService, "putSamples" | "listSamples"> = {
  async putSamples(request, session) {
    const batch = dedupeSamples(checkSamples(request.samples, new Date()));
    const { samples } = batch;
    return await session.transaction(async (transaction) => {
      const employeeNo = await requireEmployeeNo(transaction, request.employeeId);
      const numbers = await requireSourceNumbers(transaction, samples);
      const keys = [
        employeeNo,
        samples.map((sample) => sample.kind.number),
        samples.map((sample) => toTimestamptz(sample.start)),
        samples.map((sample) => numbers.get(sourceKey(sample)) ?? 0),
        samples.map((sample) => String(sample.version)),
      ] as const;
      const [counts] = await transaction.query(putSamples, [
        ...keys,
        samples.map((sample) => sample.value),
        samples.map((sample) => sample.endSeconds),
        samples.map((sample) => sample.utcOffsetMinutes),
        samples.map((sample) => sample.recordingMethod),
      ]);
      const { inserted = 0, replaced = 0 } = counts ?? {};
      const allWritten = inserted + replaced === samples.length;
      const [found] = allWritten ? [] : await transaction.query(countStaleSamples, [...keys, batch.copies]);
      const stale = batch.stale + (found?.stale ?? 0);
      return {
        insertedCount: inserted,
        replacedCount: replaced,
        unchangedCount: request.samples.length - inserted - replaced - stale,
        staleCount: stale,
      };
    });
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
    const rows = await session.transaction(async (transaction) =>
      transaction.query(listSamples, [
        await requireEmployeeNo(transaction, request.employeeId),
        numbers,
        from === undefined ? null : toTimestamptz(from),
        to === undefined ? null : toTimestamptz(to),
        request.source || null,
        key ? String(key[0]) : null,
        key ? Number(key[1]) : null,
        key ? Number(key[2]) : null,
        size + 1,
      ]),
    );
    const page = rows.slice(0, size);
    const last = rows.length > size ? page.at(-1) : undefined;
    return {
      samples: page.map(toSample),
      nextPageToken: last
        ? encodePageToken(scope, [toTimestamptz(BigInt(last.start_micros)), last.kind, last.source_no])
        : "",
    };
  },
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

function chosenKinds(slugs: readonly string[], violations: FieldViolation[]): readonly Kind[] {
  if (slugs.length === 0) return kinds;
  return slugs.flatMap((slug, index) => {
    const kind = kindsBySlug.get(slug);
    if (kind) return [kind];
    violations.push({
      field: `kinds[${index}]`,
      description: "is not a kind of this service; ListMetricKinds lists them",
      rule: "kind.known",
    });
    return [];
  });
}

function toSample(row: SampleRow): MetricSample {
  const kind = kindsByNumber.get(row.kind);
  if (!kind) throw new Error(`a sample has the unknown kind ${row.kind}`);
  const start = BigInt(row.start_micros);
  const end = start + BigInt(row.end_seconds) * 1_000_000n;
  return create(MetricSampleSchema, {
    kind: kind.slug,
    startTime: fromMicros(start),
    ...(row.end_seconds === 0 ? {} : { endTime: fromMicros(end) }),
    utcOffsetMinutes: row.utc_offset_minutes,
    value: row.value,
    source: row.slug,
    daily: row.daily,
    version: BigInt(row.version),
    recordingMethod: row.recording_method as RecordingMethod,
    civilDate: civilDate(kind.byWakingDay && !row.daily ? end : start, row.utc_offset_minutes),
    recordTime: fromMicros(row.record_micros),
  });
}
