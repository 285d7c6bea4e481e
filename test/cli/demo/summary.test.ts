import { describe, expect, it } from "vitest";
import { allowed } from "../../../src/cli/demo/attempts.ts";
import { companies, companyOf } from "../../../src/cli/demo/companies.ts";
import { printSummary } from "../../../src/cli/demo/print-summary.ts";
import type { Comparison } from "../../../src/cli/demo/read-back.ts";
import { type DemoResults, summarize } from "../../../src/cli/demo/summary.ts";

/** Somebody of each company. */
const people = companies.map((company) => {
  const externalId = ["1", "2", "3", "4", "5", "6", "7", "8", "9"].find((id) => companyOf(id) === company);
  if (!externalId) throw new Error(`nobody falls to ${company.tenantId}`);
  return { externalId, employeeId: "", company };
});
const tenantIds = companies.map(({ tenantId }) => tenantId);
const night = new Map([
  ["a", { kind: "sleep_duration", content: "" }],
  ["b", { kind: "time_in_bed", content: "" }],
]);
const kinds = new Map([
  ["sleep_duration", 1],
  ["time_in_bed", 1],
]);
const same: Comparison = { byKind: kinds, expectedByKind: kinds, missing: 0, surplus: 0, different: 0 };

/** Results in which everything holds: a night each, one of whose samples stands twice. */
const good: DemoResults = {
  data: "data",
  expectation: {
    people: new Map(people.map(({ externalId }) => [externalId, night])),
    read: new Map(people.map(({ externalId }) => [externalId, 3])),
    badRows: [],
  },
  first: {
    people,
    counts: new Map(tenantIds.map((id) => [id, { inserted: 2, replaced: 0, unchanged: 1, stale: 0 }])),
    seconds: 1,
  },
  second: {
    people,
    counts: new Map(tenantIds.map((id) => [id, { inserted: 0, replaced: 0, unchanged: 3, stale: 0 }])),
    seconds: 1,
  },
  comparisons: new Map(tenantIds.map((id) => [id, same])),
  attempts: [
    { what: "a door", expected: "42501", answered: "42501" },
    { what: "the own door", expected: allowed, answered: allowed },
  ],
};

const withComparison = (change: Partial<Comparison>): Partial<DemoResults> => ({
  comparisons: new Map([...good.comparisons, ["birch", { ...same, ...change }]]),
});

describe("the demo's judgement", () => {
  it("is good when everything held", () => {
    const summary = summarize(good);
    expect(summary.problems).toEqual([]);
    expect(summary.ok).toBe(true);
    expect(printSummary(summary)).toMatch(/\nAll held\.\n$/);
  });

  it.each<[string, Partial<DemoResults>, RegExp]>([
    [
      "a sample was doubled",
      withComparison({ byKind: new Map([...kinds, ["time_in_bed", 2]]) }),
      /birch returns 2 samples/,
    ],
    [
      "a kind is missing",
      withComparison({ byKind: new Map([["time_in_bed", 1]]) }),
      /birch returns 0 samples of sleep/,
    ],
    ["a kind came from nowhere", withComparison({ byKind: new Map([...kinds, ["steps", 1]]) }), /1 samples of steps/],
    ["a sample is missing", withComparison({ missing: 1 }), /birch, samples read back: 1 missing/],
    ["a sample is of somebody else", withComparison({ surplus: 1 }), /birch, samples read back: 1 surplus/],
    ["a value or day is another one", withComparison({ different: 1 }), /birch, samples read back: 1 different/],
    [
      "nothing was read back",
      { comparisons: new Map([["alder", same]]) },
      /birch, samples read back: there is no result/,
    ],
    ["the first import dropped something", { first: good.second }, /alder, first import: 0 inserted, expected 2/],
    ["the second import stored something", { second: good.first }, /cedar, second import: 2 inserted, expected 0/],
    [
      "a door was open",
      { attempts: [{ what: "a door", expected: "42501", answered: allowed }] },
      /a door: allowed, expected 42501/,
    ],
    [
      "a door was closed for the wrong reason",
      { attempts: [{ what: "a door", expected: "42501", answered: "42P01" }] },
      /a door: 42P01, expected 42501/,
    ],
    [
      "the own door was closed",
      { attempts: [{ what: "the own door", expected: allowed, answered: "42501" }] },
      /the own door: 42501, expected allowed/,
    ],
  ])("is bad when %s", (_, change, problem) => {
    const summary = summarize({ ...good, ...change });
    expect(summary.ok).toBe(false);
    expect(summary.problems.join("\n")).toMatch(problem);
    expect(printSummary(summary)).toMatch(/\nNOT all held: \d+ problems?\.\n$/);
  });
});
