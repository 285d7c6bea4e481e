import type { CivilDay, Period } from "../civil-days.ts";
import { checkEmployeeExists } from "../employees/find-employee.ts";
import { errors, WellvaultError } from "../errors.ts";
import { ErrorReason } from "../gen/wellvault/v1/error_reason_pb.ts";
import { Aggregation } from "../gen/wellvault/v1/metric_pb.ts";
import type { TenantSession } from "../tenancy/session.ts";
import type { Kind } from "./kinds.ts";
import { type AggregateRow, aggregateSampleDays } from "./statements/aggregate-sample-days.ts";
import { computeDays } from "./statements/compute-days.ts";
import { lockStaleDays, type StaleDay } from "./statements/lock-stale-days.ts";
import { nextStepDays } from "./step-size.ts";

/** How often stale days are computed for one question, at most. */
const computingTries = 4;

/** What is asked of an employee's days. */
export interface DaysQuestion {
  readonly employeeId: string;
  readonly kinds: readonly Kind[];
  /** The first day, and the day after the last one; the bounds of periods. */
  readonly from: CivilDay;
  readonly to: CivilDay;
  readonly period: Period;
  /** Empty for all sources. */
  readonly source: string;
}

/** A bucket that has samples. */
export type DaysBucket = AggregateRow & { readonly kind: number };

/**
 * Sums up an employee's days, with all that was committed before the call. Days that were written since they were
 * computed last are computed first, so what a first question has to do, the next one finds done.
 *
 * @throws WellvaultError RESOURCE_NOT_FOUND when the tenant has no such employee
 */
export async function askDays(session: TenantSession, question: DaysQuestion): Promise<DaysBucket[]> {
  const ask = async () => {
    const { employeeId, kinds, from, to, period, source } = question;
    const numbers = kinds.map(({ number }) => number);
    const added = kinds.filter(({ aggregation }) => aggregation === Aggregation.SUM).map(({ number }) => number);
    return await session.query(aggregateSampleDays, [employeeId, numbers, from, to, period, source || null, added]);
  };
  let rows = await ask();
  // An answer without stale days is what the samples come to at one instant. Days that become stale meanwhile were
  // written while the question was being answered: once the tries are over, it does not wait for them any more.
  for (let tries = 1; rows[0]?.stale && tries <= computingTries; tries++) {
    await computeStaleDays(session, question).catch((error: unknown) => {
      // Nobody asked for a write: whether it was done is of no interest to the caller.
      const isLost = error instanceof WellvaultError && error.reason === ErrorReason.COMMIT_UNKNOWN;
      throw isLost ? errors.databaseUnavailable(error) : error;
    });
    rows = await ask();
  }
  const buckets = rows.filter((row): row is DaysBucket => row.kind !== null);
  if (buckets.length === 0) await checkEmployeeExists(session, question.employeeId);
  return buckets;
}

/** The mean of a bucket's samples. Adding up rounds, which may not take it beyond the samples themselves. */
export function meanOf({ sum, count, minimum, maximum }: DaysBucket): number {
  return Math.min(maximum, Math.max(minimum, sum / count));
}

/** Computes every day of the range that is stale when it is looked at, in steps. */
async function computeStaleDays(session: TenantSession, { employeeId, kinds, from, to }: DaysQuestion): Promise<void> {
  // By kind and from day to day, so that a day that is written again and again is not computed again and again.
  for (const { number, byWakingDay } of kinds) {
    let days = nextStepDays();
    for (let next = from; next < to; ) {
      const startedAt = performance.now();
      const lastDay = await session.transaction(async (transaction) => {
        const rows = await transaction.query(lockStaleDays, [employeeId, number, next, to, days]);
        const stale = rows.filter((row): row is StaleDay & { day: CivilDay } => row.day !== null);
        if (stale.length > 0) {
          await transaction.finish(computeDays, [
            employeeId,
            number,
            stale.map(({ day }) => day),
            stale.map(({ source_no }) => source_no),
            byWakingDay,
          ]);
        }
        return rows[0]?.last_day ?? to;
      });
      next = lastDay + 1;
      days = nextStepDays({ days, tookMs: performance.now() - startedAt });
    }
  }
}
