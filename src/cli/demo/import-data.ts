import { v5 as uuidv5 } from "uuid";
import { readFitabase } from "../../importers/fitabase.ts";
import { addCounts, noCounts, pushSamples, type SampleCounts } from "../../importers/push-samples.ts";
import type { Clients } from "./clients.ts";
import { companies, companyOf, type DemoCompany } from "./companies.ts";
import { inParallel } from "./in-parallel.ts";
import type { DemoOptions } from "./options.ts";

/** Calls under way at the same time. */
const inFlight = 4;

/** Namespace of the request ids: a repeated import sends the same ones. */
const requestIds = "6f0d2a52-7d0e-4a55-9f5c-5a4f0c3f7f10";

/** A person of the export as an employee of a company. */
export interface Person {
  readonly externalId: string;
  readonly employeeId: string;
  readonly company: DemoCompany;
}

/** What an import did. */
export interface ImportResult {
  readonly people: readonly Person[];
  /** What became of the samples, by tenant id. */
  readonly counts: ReadonlyMap<string, SampleCounts>;
  /** How long it took to store the samples, in seconds. */
  readonly seconds: number;
}

/** Provisions the companies; repeating it changes nothing. */
export async function provisionCompanies({ tenants, as }: Clients): Promise<void> {
  for (const { tenantId, displayName } of companies) {
    await tenants.provisionTenant({ tenantId, displayName }, as("platform_operator"));
  }
}

/**
 * Imports the export: creates the people as their company's administrator and stores their samples as
 * its ingest service.
 *
 * @param externalIds the people of the export
 * @param onBatch told how many samples were stored
 */
export async function importData(
  clients: Clients,
  options: DemoOptions,
  externalIds: readonly string[],
  onBatch: (samples: number) => void,
): Promise<ImportResult> {
  const people = await inParallel(externalIds, inFlight, (externalId) => createPerson(clients, externalId));
  const byExternalId = new Map(people.map((person) => [person.externalId, person]));
  const counts = new Map<string, SampleCounts>(companies.map(({ tenantId }) => [tenantId, noCounts]));
  const samples = readFitabase(options.folder, {
    utcOffsetMinutes: options.utcOffsetMinutes,
    onBadRow: ({ file, line, problem }) => {
      throw new Error(`${file}, line ${line} changed while the demo ran: ${problem}`);
    },
  });
  const begin = performance.now();
  await pushSamples(samples, {
    inFlight,
    async send(externalId, batch) {
      const person = byExternalId.get(externalId);
      if (!person) throw new Error(`the files changed while the demo ran: ${externalId} is new`);
      const { tenantId } = person.company;
      const response = await clients.metrics.putSamples(
        { employeeId: person.employeeId, samples: [...batch] },
        clients.as("ingest_service", tenantId),
      );
      const result: SampleCounts = {
        inserted: response.insertedCount,
        replaced: response.replacedCount,
        unchanged: response.unchangedCount,
        stale: response.staleCount,
      };
      counts.set(tenantId, addCounts(counts.get(tenantId) ?? noCounts, result));
      onBatch(batch.length);
      return result;
    },
  });
  return { people, counts, seconds: (performance.now() - begin) / 1_000 };
}

async function createPerson({ employees, as }: Clients, externalId: string): Promise<Person> {
  const company = companyOf(externalId);
  const { employee } = await employees.createEmployee(
    {
      employee: { externalId, displayName: `Participant ${externalId}` },
      requestId: uuidv5(`${company.tenantId} ${externalId}`, requestIds),
    },
    as("company_admin", company.tenantId),
  );
  if (!employee) throw new Error("CreateEmployee returned no employee");
  return { externalId, employeeId: employee.employeeId, company };
}
