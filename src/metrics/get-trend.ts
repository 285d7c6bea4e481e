import type { MessageInitShape } from "@bufbuild/protobuf";
import { type CivilDay, civilDayIn, writeCivilDay } from "../civil-days.ts";
import { employeeNotFound } from "../employees/find-employee.ts";
import { getEmployee } from "../employees/statements/get-employee.ts";
import { errors, type FieldViolation } from "../errors.ts";
import { Aggregation } from "../gen/wellvault/v1/metric_pb.ts";
import type { GetTrendRequest, GetTrendResponseSchema } from "../gen/wellvault/v1/metric_service_pb.ts";
import type { TrendSpanSchema } from "../gen/wellvault/v1/metric_statistics_pb.ts";
import type { TenantSession } from "../tenancy/session.ts";
import { readDate } from "./aggregate-samples.ts";
import { chosenKinds } from "./chosen-kinds.ts";
import { askDays, type DaysBucket, meanOf } from "./sample-days.ts";

/** Days of the two spans: four times as many before, so that both have the same days of the week. */
const recentDays = 7;
const baselineDays = 28;

type Span = MessageInitShape<typeof TrendSpanSchema>;

/** The handler of MetricService.GetTrend. */
export async function getTrend(
  { employeeId, kind: slug, endDate, source }: GetTrendRequest,
  session: TenantSession,
): Promise<MessageInitShape<typeof GetTrendResponseSchema>> {
  const violations: FieldViolation[] = [];
  const [kind] = chosenKinds([slug], violations);
  const given = endDate === "" ? undefined : readDate("end_date", endDate, violations);
  if (!kind || violations.length > 0) {
    throw errors.fieldsInvalid(violations.map((one) => ({ ...one, field: one.field.replace("kinds[0]", "kind") })));
  }
  const to = given ?? (await todayOf(session, employeeId));
  const middle = to - recentDays;
  const from = middle - baselineDays;
  const days = await askDays(session, { employeeId, kinds: [kind], from, to, period: "day", source });
  const dayValue = (bucket: DaysBucket): number => {
    if (kind.aggregation === Aggregation.SUM) return bucket.sum;
    return kind.aggregation === Aggregation.MEAN ? meanOf(bucket) : bucket.last;
  };
  const span = (start: CivilDay, end: CivilDay): Span & { mean?: number } => {
    const values = days.filter(({ start_day }) => start_day >= start && start_day < end).map(dayValue);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return {
      // A trend of the first weeks of 1970 begins before there are dates.
      startDate: writeCivilDay(Math.max(start, 0)),
      endDate: writeCivilDay(Math.max(end, 0)),
      dayCount: values.length,
      ...(values.length > 0 ? { mean } : {}),
    };
  };
  const recent = span(middle, to);
  const baseline = span(from, middle);
  if (recent.mean === undefined || baseline.mean === undefined) return { recent, baseline };
  const change = recent.mean - baseline.mean;
  // Of 0, and of what is next to 0, there is no percentage.
  const changePercent = (100 * change) / Math.abs(baseline.mean);
  return { recent, baseline, change, ...(Number.isFinite(changePercent) ? { changePercent } : {}) };
}

/** The present civil day where the employee is. */
async function todayOf(session: TenantSession, employeeId: string): Promise<CivilDay> {
  const [row] = await session.query(getEmployee, [employeeId]);
  if (!row) throw employeeNotFound(employeeId);
  return civilDayIn(row.employee.timeZone || "UTC", new Date());
}
