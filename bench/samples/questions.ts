import { isDeepStrictEqual } from "node:util";
import type pg from "pg";
import { type CivilDay, readCivilDay } from "../../src/civil-days.ts";
import { aggregateSampleDays } from "../../src/metrics/statements/aggregate-sample-days.ts";
import { median } from "../measure/statistics.ts";
import { companyDays, yearDays } from "./fill.ts";

/** A question with an answer from days and one from samples. */
export interface Question {
  readonly title: string;
  /** What the answers hold; both have to hold the same. */
  readonly fromDays: () => Promise<unknown>;
  readonly fromSamples: () => Promise<unknown>;
}

/** How long a question takes, in milliseconds. */
export interface QuestionFigures {
  readonly title: string;
  readonly daysMs: number;
  readonly samplesMs: number;
  /** How many times as fast the answer from days is: the median of the rounds' ratios. */
  readonly ratio: number;
}

/** The questions that the service's days are for. */
export function questionsAbout(admin: pg.Client, employeeId: string): readonly Question[] {
  const start = readCivilDay("2025-01-01") ?? 0;
  const monday = readCivilDay("2025-01-06") ?? 0;
  return [
    {
      title: "a year of one employee's heart rates, by day",
      async fromDays() {
        const values = [employeeId, [11], start, start + yearDays, "day", null, [1]];
        const { rows } = await admin.query<{ start_day: CivilDay; count: number; sum: number; maximum: number }>(
          aggregateSampleDays.text,
          values,
        );
        return rows.map(({ start_day, count, sum, maximum }) => [start_day, count, sum, maximum]);
      },
      async fromSamples() {
        const { rows } = await admin.query<{ day: CivilDay; count: number; sum: number; maximum: number }>(
          `select
             floor((date_part('epoch', sample.start_time) + sample.utc_offset_minutes * 60) / 86400)::integer as day,
             count(*)::float8 as count, sum(sample.value) as sum, min(sample.value) as minimum,
             max(sample.value) as maximum, (array_agg(sample.value order by sample.start_time desc))[1] as last
           from samples as sample
           where sample.employee_no = (select employee_no from employees where employee_id = $1)
             and sample.kind = 11
             and sample.start_time >= to_timestamp(($2::integer * 86400 - 50400)::float8)
             and sample.start_time < to_timestamp(($3::integer * 86400 + 50400)::float8)
             and sample.recording_method >= 0
           group by day
           order by day`,
          [employeeId, start, start + yearDays],
        );
        return rows.map(({ day, count, sum, maximum }) => [day, count, sum, maximum]);
      },
    },
    {
      title: "26 weeks of a company's steps, by week",
      async fromDays() {
        const { rows } = await admin.query<{ week: number; people: number; mean: number }>(
          `select week, count(*)::integer as people, avg(sum) as mean
           from (
             select day.employee_no, (day.civil_day - date '1970-01-01' - $1::integer) / 7 as week, sum(day.sum) as sum
             from sample_days as day
             where day.kind = 1 and day.state <> 1
               and day.civil_day >= date '1970-01-01' + $1::integer and day.civil_day < date '1970-01-01' + $2::integer
             group by day.employee_no, week
           ) as person
           group by week order by week`,
          [monday, monday + companyDays],
        );
        return rows.map(({ week, people, mean }) => [week, people, mean]);
      },
      async fromSamples() {
        const { rows } = await admin.query<{ week: number; people: number; mean: number }>(
          `select week, count(*)::integer as people, avg(sum) as mean
           from (
             select
               sample.employee_no,
               (floor((date_part('epoch', sample.start_time) + sample.utc_offset_minutes * 60) / 86400)::integer
                 - $1::integer) / 7 as week,
               sum(sample.value) as sum
             from samples as sample
             where sample.kind = 1 and sample.recording_method >= 0
               and sample.start_time >= to_timestamp(($1::integer * 86400)::float8)
               and sample.start_time < to_timestamp(($2::integer * 86400)::float8)
             group by sample.employee_no, week
           ) as person
           group by week order by week`,
          [monday, monday + companyDays],
        );
        return rows.map(({ week, people, mean }) => [week, people, mean]);
      },
    },
  ];
}

/**
 * Asks a question both ways in turns.
 *
 * @throws Error when the two answers differ, or hold nothing
 */
export async function measureQuestion(question: Question, rounds: number): Promise<QuestionFigures> {
  const turns: { daysMs: number; samplesMs: number }[] = [];
  // The first round is for warming up.
  for (let round = -1; round < rounds; round++) {
    const [daysMs, fromDays] = await timed(question.fromDays);
    const [samplesMs, fromSamples] = await timed(question.fromSamples);
    const isAnswer = Array.isArray(fromDays) && fromDays.length > 1;
    if (!isAnswer || !isDeepStrictEqual(fromDays, fromSamples))
      throw new Error(`${question.title}: the answers differ`);
    if (round >= 0) turns.push({ daysMs, samplesMs });
  }
  return {
    title: question.title,
    daysMs: median(turns.map(({ daysMs }) => daysMs)),
    samplesMs: median(turns.map(({ samplesMs }) => samplesMs)),
    ratio: median(turns.map(({ daysMs, samplesMs }) => samplesMs / daysMs)),
  };
}

async function timed(work: () => Promise<unknown>): Promise<[ms: number, result: unknown]> {
  const startedAt = performance.now();
  const result = await work();
  return [performance.now() - startedAt, result];
}
