import type { MetricSample } from "../../gen/wellvault/v1/metric_pb.ts";
import type { Clients } from "./clients.ts";
import { contentOf, type ExpectedSamples, naturalKey } from "./expectation.ts";
import type { Person } from "./import-data.ts";
import { inParallel } from "./in-parallel.ts";

/** Samples of a page: few, so that many pages end between samples that start at the same moment. */
const pageSize = 101;

/** How a person's or a company's samples compare with the files. */
export interface Comparison {
  /** Samples read back by kind. */
  readonly byKind: ReadonlyMap<string, number>;
  /** Samples that the files hold by kind, each natural key once. */
  readonly expectedByKind: ReadonlyMap<string, number>;
  /** Samples of the files that are not there. */
  readonly missing: number;
  /** Samples that are not in the files, or were returned twice. */
  readonly surplus: number;
  /** Samples whose value, day or anything else is not that of the files. */
  readonly different: number;
}

/** Reads every sample of every person as that person, and compares them with the files. */
export async function readBack(
  clients: Clients,
  people: readonly Person[],
  expected: ReadonlyMap<string, ExpectedSamples>,
): Promise<Map<string, Comparison>> {
  const comparisons = await inParallel(people, 4, async (person) =>
    compare(await readSamples(clients, person), expected.get(person.externalId) ?? new Map()),
  );
  const byTenant = new Map<string, Comparison>();
  for (const [index, { company }] of people.entries()) {
    const one = comparisons[index];
    if (one) byTenant.set(company.tenantId, add(byTenant.get(company.tenantId), one));
  }
  return byTenant;
}

async function readSamples({ metrics, as }: Clients, { employeeId, company }: Person): Promise<MetricSample[]> {
  const samples: MetricSample[] = [];
  let pageToken = "";
  do {
    const page = await metrics.listSamples(
      { employeeId, pageSize, pageToken },
      as("employee", company.tenantId, employeeId),
    );
    samples.push(...page.samples);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return samples;
}

function compare(samples: readonly MetricSample[], expected: ExpectedSamples): Comparison {
  const seen = new Set<string>();
  let surplus = 0;
  let different = 0;
  for (const sample of samples) {
    const key = naturalKey(sample);
    const wanted = expected.get(key);
    if (!wanted || seen.has(key)) surplus++;
    else if (wanted.content !== contentOf(sample, sample.civilDate)) different++;
    seen.add(key);
  }
  const missing = [...expected.keys()].filter((key) => !seen.has(key)).length;
  return {
    byKind: countKinds(samples),
    expectedByKind: countKinds([...expected.values()]),
    missing,
    surplus,
    different,
  };
}

function add(a: Comparison | undefined, b: Comparison): Comparison {
  if (!a) return b;
  return {
    byKind: addMaps(a.byKind, b.byKind),
    expectedByKind: addMaps(a.expectedByKind, b.expectedByKind),
    missing: a.missing + b.missing,
    surplus: a.surplus + b.surplus,
    different: a.different + b.different,
  };
}

function countKinds(samples: readonly { readonly kind: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { kind } of samples) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

function addMaps(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): Map<string, number> {
  const sum = new Map(a);
  for (const [key, count] of b) sum.set(key, (sum.get(key) ?? 0) + count);
  return sum;
}
