import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type CivilDay,
  countPeriods,
  type Period,
  readCivilDay,
  startOfNextPeriod,
  startOfPeriod,
  writeCivilDay,
} from "../civil-days.ts";
import { fromEpoch } from "../civil-time.ts";
import { errors, type FieldViolation } from "../errors.ts";
import { Aggregation } from "../gen/wellvault/v1/metric_pb.ts";
import type { AggregateSamplesRequest, AggregateSamplesResponseSchema } from "../gen/wellvault/v1/metric_service_pb.ts";
import {
  type AggregateBucketSchema,
  CalendarPeriod,
  SampleStatistic,
} from "../gen/wellvault/v1/metric_statistics_pb.ts";
import type { TenantSession } from "../tenancy/session.ts";
import { chosenKinds } from "./chosen-kinds.ts";
import { type Kind, kindsByNumber } from "./kinds.ts";
import { askDays, type DaysBucket, meanOf } from "./sample-days.ts";

/** Buckets of a kind at most. */
const maxBuckets = 1_000;

const periods = new Map<CalendarPeriod, Period>([
  [CalendarPeriod.DAY, "day"],
  [CalendarPeriod.WEEK, "week"],
  [CalendarPeriod.MONTH, "month"],
]);

const { COUNT, SUM, MEAN, MINIMUM, MAXIMUM, LAST } = SampleStatistic;

const names = new Map<SampleStatistic, string>(
  Object.entries(SampleStatistic).map(([name, value]) => [value, name] as const),
);

/** What may be computed of kinds that are added, and of the others: each has the rest of HealthKit's rule as an error. */
const statisticsOf = (kind: Kind): readonly SampleStatistic[] =>
  kind.aggregation === Aggregation.SUM ? [COUNT, SUM] : [COUNT, MEAN, MINIMUM, MAXIMUM, LAST];

/** The handler of MetricService.AggregateSamples. */
export async function aggregateSamples(
  request: AggregateSamplesRequest,
  session: TenantSession,
): Promise<MessageInitShape<typeof AggregateSamplesResponseSchema>> {
  const violations: FieldViolation[] = [];
  const kinds = chosenKinds(request.kinds, violations);
  violations.push(...kinds.flatMap((kind) => statisticViolations(kind, request.statistics)));
  const period = periods.get(request.period) ?? "day";
  const { from, to } = readRange(request, period, violations);
  if (violations.length > 0) throw errors.fieldsInvalid(violations);
  const { employeeId, source } = request;
  const found = await askDays(session, { employeeId, kinds, from, to, period, source });
  const byKind = Map.groupBy(found, ({ kind }) => kind);
  return {
    buckets: kinds.flatMap((kind) => {
      const wanted = new Set(request.statistics.length > 0 ? request.statistics : statisticsOf(kind));
      return (byKind.get(kind.number) ?? []).map((bucket) => toBucket(bucket, period, wanted));
    }),
  };
}

/** The range of whole periods that a request is about. */
function readRange(
  { startDate, endDate }: AggregateSamplesRequest,
  period: Period,
  violations: FieldViolation[],
): { from: CivilDay; to: CivilDay } {
  const none = { from: 0, to: 0 };
  const start = readDate("start_date", startDate, violations);
  const end = readDate("end_date", endDate, violations);
  if (start === undefined || end === undefined) return none;
  if (end <= start) {
    violations.push({ field: "end_date", description: "must be later than start_date", rule: "end_date.order" });
    return none;
  }
  const buckets = countPeriods(start, end, period);
  if (buckets > maxBuckets) {
    violations.push({
      field: "end_date",
      description: `must be at most ${maxBuckets} buckets after start_date; ask for a shorter range or longer buckets`,
      rule: "end_date.buckets",
    });
    return none;
  }
  return { from: startOfPeriod(start, period), to: startOfNextPeriod(end - 1, period) };
}

/** Reads a date of a request; adds to the violations what is no date. */
export function readDate(field: string, text: string, violations: FieldViolation[]): CivilDay | undefined {
  const day = readCivilDay(text);
  if (day === undefined) {
    violations.push({ field, description: "must be a date from 1970 on, such as 2026-03-31", rule: "date.valid" });
  }
  return day;
}

function statisticViolations(kind: Kind, wanted: readonly SampleStatistic[]): FieldViolation[] {
  const allowed = statisticsOf(kind);
  return wanted.flatMap((statistic, index) =>
    allowed.includes(statistic)
      ? []
      : {
          field: `statistics[${index}]`,
          description: `must be ${allowed.map((one) => names.get(one)).join(", ")} for ${kind.slug}`,
          rule: "statistics.allowed",
        },
  );
}

function toBucket(
  row: DaysBucket,
  period: Period,
  wanted: ReadonlySet<SampleStatistic>,
): MessageInitShape<typeof AggregateBucketSchema> {
  const { count, sum, minimum, maximum, last } = row;
  return {
    kind: kindsByNumber.get(row.kind)?.slug ?? "",
    startDate: writeCivilDay(row.start_day),
    endDate: writeCivilDay(startOfNextPeriod(row.start_day, period)),
    dayCount: row.day_count,
    ...(wanted.has(COUNT) ? { count: BigInt(count) } : {}),
    ...(wanted.has(SUM) ? { sum } : {}),
    ...(wanted.has(MEAN) ? { mean: meanOf(row) } : {}),
    ...(wanted.has(MINIMUM) ? { minimum } : {}),
    ...(wanted.has(MAXIMUM) ? { maximum } : {}),
    ...(wanted.has(LAST) ? { last, lastTime: fromEpoch(row.last_epoch) } : {}),
  };
}
