import type { MetricSample } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { as } from "./clients.ts";
import { type CommandRun, callCommand, type RunningCommand, type RunsCommand, startCommand } from "./command.ts";
import type { TestService } from "./service.ts";

/** The parts of the summary that tests look at. */
export interface ImportSummary {
  readonly resumed: boolean;
  readonly finished: boolean;
  readonly inserted: number;
  readonly replaced: number;
  readonly unchanged: number;
  readonly stale: number;
  readonly accepted: number;
  readonly refused: number;
  readonly complete: boolean;
  readonly passedOver: Readonly<Record<string, number>>;
  readonly people: readonly { externalId: string; problem: string; samples: number }[];
  readonly problems: readonly { file: string; line?: number; path?: string; field?: string; problem: string }[];
}

/** Starts `wellvault import` with these arguments as a process of its own, for tests that send it signals. */
export function startImport(args: readonly string[], env: Record<string, string> = {}): RunningCommand {
  return startCommand(["import", ...args], env);
}

/** Runs `wellvault import` with these arguments. */
export async function runImport(args: readonly string[], env: Record<string, string> = {}): Promise<CommandRun> {
  return await callCommand(["import", ...args], env);
}

/** Runs `wellvault import ... --json`, by a way of choice, and returns the summary that it printed, too. */
export async function runImportJson(
  args: readonly string[],
  by: RunsCommand = callCommand,
): Promise<CommandRun & { summary: ImportSummary }> {
  const run = await by(["import", ...args, "--json"]);
  if (run.stdout === "") throw new Error(`the import printed no summary: ${run.stderr}`);
  return { ...run, summary: JSON.parse(run.stdout) as ImportSummary };
}

/** Reads every sample of an employee, as that employee, without what the service adds. */
export async function samplesOf(service: TestService, tenant: string, employeeId: string): Promise<MetricSample[]> {
  const samples: MetricSample[] = [];
  let pageToken = "";
  do {
    const request = { employeeId, pageSize: 10_000, pageToken };
    const page = await service.clients.metrics.listSamples(request, as("employee", tenant, employeeId));
    samples.push(...page.samples);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  for (const sample of samples) delete sample.recordTime;
  return samples;
}
