import type pg from "pg";

/** Days that the questions about one person and about a company reach back. */
export const yearDays = 365;
export const companyDays = 26 * 7;

/** Samples of a day: a heart rate every five minutes, and steps of every second hour. */
const heartRatesOfDay = 288;
const stepsOfDay = 12;

const heartRate = 11;
const steps = 1;

/** Gives one employee a year of heart rates, straight into the table. Returns how many. */
export async function fillYear(admin: pg.Client, employeeNo: number): Promise<number> {
  const count = yearDays * heartRatesOfDay;
  await admin.query(
    `insert into samples (
       employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
     )
     select $1, $2, timestamptz '2025-01-01Z' + n * interval '5 minutes', 1, 1, 50 + n % 70, 0, 0, 2
     from generate_series(0, $3 - 1) as n`,
    [employeeNo, heartRate, count],
  );
  return count;
}

/** Makes employees with 26 weeks of steps each. Returns how many samples they have. */
export async function fillCompany(admin: pg.Client, people: number, onDone: () => void): Promise<number> {
  await admin.query(
    `insert into employees (employee_no, employee_id, external_id)
     select 1000 + n, gen_random_uuid(), 'steps-' || n from generate_series(1, $1) as n`,
    [people],
  );
  for (let person = 1; person <= people; person++) {
    await admin.query(
      `insert into samples (
         employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
       )
       select $1, $2, timestamptz '2025-01-06Z' + n * interval '2 hours', 1, 1, (n * 37 + $1) % 1500, 3600, 0, 2
       from generate_series(0, $3 - 1) as n`,
      [1_000 + person, steps, companyDays * stepsOfDay],
    );
    onDone();
  }
  return people * companyDays * stepsOfDay;
}

/** Computes every day that is not there yet, as the service would for a question about it. */
export async function fillDays(admin: pg.Client): Promise<void> {
  await admin.query(
    `insert into sample_days (employee_no, kind, civil_day, source_no, count, sum, min, max, last, last_time, state)
     select
       employee_no, kind, (start_time at time zone 'UTC')::date, source_no, count(*), sum(value), min(value), max(value),
       (array_agg(value order by start_time desc))[1], max(start_time), 0
     from samples
     group by employee_no, kind, (start_time at time zone 'UTC')::date, source_no
     on conflict (employee_no, kind, civil_day, source_no) do update set
       count = excluded.count, sum = excluded.sum, min = excluded.min, max = excluded.max, last = excluded.last,
       last_time = excluded.last_time, state = 0`,
  );
  await admin.query("vacuum analyze samples, sample_days");
}
