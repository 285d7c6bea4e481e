import { type Pair, tryCalls } from "./call-attempts.ts";
import { openClients } from "./clients.ts";
import { companies, companyOf } from "./companies.ts";
import { readExpectation } from "./expectation.ts";
import { importData, type Person, provisionCompanies } from "./import-data.ts";
import type { DemoOptions } from "./options.ts";
import { showProgress } from "./progress.ts";
import { readBack } from "./read-back.ts";
import { trySql } from "./sql-attempts.ts";
import { type DemoSummary, summarize, summarizeBadRows } from "./summary.ts";
import { startTemporaryService } from "./temporary-service.ts";

/**
 * Runs every step of the demo and returns what it found. Whatever was started is stopped and removed
 * when this returns or throws.
 *
 * @param stream where people are told how far it is
 * @param signal stops the demo when it fires; its reason is thrown
 */
export async function runDemo(
  options: DemoOptions,
  stream: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<DemoSummary> {
  const say = (text: string) => {
    signal.throwIfAborted();
    stream.write(`${text}\n`);
  };
  say(`Reading the files of ${options.folder} ...`);
  const expectation = await readExpectation(options);
  if (expectation.badRows.length > 0) return summarizeBadRows(options.folder, expectation.badRows);
  const externalIds = [...expectation.people.keys()];
  requirePeople(externalIds);

  say("Starting PostgreSQL in a temporary folder, and the service ...");
  await using service = await startTemporaryService();
  using clients = openClients(service.address, signal);
  say(`The service listens at ${service.address}, over PostgreSQL ${service.serverVersion}.`);

  say(`Provisioning ${companies.map(({ tenantId }) => tenantId).join(", ")} ...`);
  await provisionCompanies(clients);

  const total = [...expectation.read.values()].reduce((sum, count) => sum + count, 0);
  const runImport = async () => {
    using progress = showProgress(stream, total, "samples");
    return await importData(clients, options, externalIds, (count) => progress.add(count));
  };
  say(`Importing ${total} samples of ${externalIds.length} people ...`);
  const first = await runImport();
  say("Importing everything a second time ...");
  const second = await runImport();

  say("Reading everything back as the people themselves ...");
  const comparisons = await readBack(clients, second.people, expectation.people);

  say("Trying what must be refused ...");
  const pair = choosePair(second.people);
  const attempts = [
    ...(await tryCalls(clients, pair)),
    ...(await trySql(service, pair.own.company.tenantId, pair.foreign.company.tenantId)),
  ];
  signal.throwIfAborted();
  return summarize({ data: options.folder, expectation, first, second, comparisons, attempts });
}

/** Every company must have somebody, or there is nothing to keep apart. */
function requirePeople(externalIds: readonly string[]): void {
  for (const company of companies) {
    if (!externalIds.some((externalId) => companyOf(externalId) === company)) {
      throw new Error(`The files hold nobody who falls to ${company.tenantId}: the demo needs more people.`);
    }
  }
}

/** The one who tries is of the company with the most people: page tokens need a second page. */
function choosePair(people: readonly Person[]): Pair {
  const byCompany = companies.map((company) => people.filter((person) => person.company === company));
  const [own, foreign] = byCompany.toSorted((a, b) => b.length - a.length).map((group) => group[0]);
  if (!own || !foreign) throw new Error("The demo needs people in two companies.");
  return { own, foreign };
}
