import { fromEpoch, type Micros, toEpoch, toMicros, toTimestamptz } from "../civil-time.ts";
import { checkEmployeeExists } from "../employees/find-employee.ts";
import { errors, type FieldViolation } from "../errors.ts";
import { SampleShape } from "../gen/wellvault/v1/metric_pb.ts";
import type { SampleKey, SampleRange } from "../gen/wellvault/v1/metric_service_pb.ts";
import type { TenantSession } from "../tenancy/session.ts";
import { checkRange, checkTimestamp } from "../time-rules.ts";
import { chosenKinds, unknownKind } from "./chosen-kinds.ts";
import { type Kind, kindsBySlug, wakingKinds } from "./kinds.ts";
import { listSources } from "./sample-arrays.ts";
import { deleteSamplesByKey } from "./statements/delete-samples-by-key.ts";
import { deleteSamplesInRange, samplesOfStep } from "./statements/delete-samples-in-range.ts";
import { wipeKeptDays } from "./statements/wipe-kept-days.ts";

interface CheckedKey {
  readonly kind: Kind;
  readonly start: Micros;
  readonly source: string;
  readonly daily: boolean;
  /** The highest version to delete; 0 for any. */
  readonly version: bigint;
}

/** What a deletion did. */
export interface DeletedCounts {
  readonly deleted: number;
  /** Keys for which there was nothing to delete. */
  readonly missing: number;
  /** Keys for which there is a higher version, which stays. */
  readonly stale: number;
}

/**
 * Deletes the samples with these keys, all in one transaction.
 *
 * @throws WellvaultError FIELD_INVALID naming every bad key by its index, RESOURCE_NOT_FOUND when the tenant has no such employee
 */
export async function deleteByKeys(
  session: TenantSession,
  employeeId: string,
  keys: readonly SampleKey[],
): Promise<DeletedCounts> {
  const checked = checkKeys(keys);
  const { keys: sources, places } = listSources(checked);
  const numbers = (column: (key: CheckedKey, index: number) => number | bigint) => `{${checked.map(column).join()}}`;
  const [row] = await session.query(deleteSamplesByKey, [
    employeeId,
    sources.map(({ source }) => source),
    sources.map(({ daily }) => daily),
    numbers(({ kind }) => kind.number),
    numbers(({ start }) => toEpoch(start)),
    numbers((_, index) => places[index] ?? 0),
    wakingKinds,
    numbers(({ version }) => version),
  ]);
  const { deleted, stale } = row ?? { deleted: 0, stale: 0 };
  if (deleted + stale === 0) await checkEmployeeExists(session, employeeId);
  return { deleted, missing: checked.length - deleted - stale, stale };
}

/**
 * Deletes the samples of a source in a range of time, in steps that are done for good one by one.
 *
 * @throws WellvaultError FIELD_INVALID naming what is wrong with the range, RESOURCE_NOT_FOUND when the tenant has no such employee
 */
export async function deleteInRange(
  session: TenantSession,
  employeeId: string,
  { source, startTime, endTime, kinds: slugs }: SampleRange,
): Promise<DeletedCounts> {
  const { violations, from, to } = checkRange(startTime, endTime, "range.");
  const kinds = chosenKinds(slugs, violations, "range.");
  if (violations.length > 0 || from === undefined || to === undefined) throw errors.fieldsInvalid(violations);
  await checkEmployeeExists(session, employeeId);
  let deleted = 0;
  for (const { kind, daily } of kinds.flatMap(streamsOf)) {
    for (let start = from, isDone = false; !isDone; ) {
      const [row] = await session.query(deleteSamplesInRange, [
        employeeId,
        kind.number,
        toTimestamptz(start),
        toTimestamptz(to),
        source,
        daily,
        kind.byWakingDay,
      ]);
      const step = row?.deleted ?? 0;
      deleted += step;
      isDone = step < samplesOfStep;
      if (row && row.last_epoch !== null) start = toMicros(fromEpoch(row.last_epoch));
    }
    // What is left of samples that were purged before goes with the others.
    await session.query(wipeKeptDays, [
      employeeId,
      kind.number,
      toTimestamptz(from),
      toTimestamptz(to),
      source,
      daily,
      kind.byWakingDay,
    ]);
  }
  return { deleted, missing: 0, stale: 0 };
}

/** What a source may have of a kind: samples within the day, daily ones, or both. */
function streamsOf(kind: Kind): { kind: Kind; daily: boolean }[] {
  const dailyOnes = kind.shapes.map((shape) => shape === SampleShape.DAY);
  return [false, true].filter((daily) => dailyOnes.includes(daily)).map((daily) => ({ kind, daily }));
}

/** Checks keys, and returns each once, in the order in which batches write. */
function checkKeys(keys: readonly SampleKey[]): CheckedKey[] {
  const violations: FieldViolation[] = [];
  const checked = new Map<string, CheckedKey>();
  for (const [index, { kind: slug, startTime, source, daily, version }] of keys.entries()) {
    const path = `keys.keys[${index}].`;
    const kind = kindsBySlug.get(slug);
    violations.push(...(kind ? [] : [unknownKind(`${path}kind`)]), ...checkTimestamp(`${path}start_time`, startTime));
    if (!kind || !startTime || violations.length > 0) continue;
    const start = toMicros(startTime);
    const name = `${kind.number} ${start} ${daily} ${source}`;
    const before = checked.get(name)?.version;
    const isMore = before === undefined || version === 0n || (before !== 0n && version > before);
    if (isMore) checked.set(name, { kind, start, source, daily, version });
  }
  if (violations.length > 0) throw errors.fieldsInvalid(violations);
  return [...checked.values()].sort(
    (a, b) =>
      a.kind.number - b.kind.number ||
      Number(a.start - b.start) ||
      Number(a.daily) - Number(b.daily) ||
      (a.source < b.source ? -1 : 1),
  );
}
