import { createClient } from "@connectrpc/connect";
import { ConfigError } from "../config.ts";
import { ExportRecordType } from "../gen/wellvault/v1/employee_export_pb.ts";
import { EmployeeLogService } from "../gen/wellvault/v1/employee_log_service_pb.ts";
import { type Employee, EmployeeSchema, EmployeeState } from "../gen/wellvault/v1/employee_pb.ts";
import { EmployeeService } from "../gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../gen/wellvault/v1/metric_service_pb.ts";
import type { CommandIo } from "./command-io.ts";
import { showProgress } from "./demo/progress.ts";
import { ExportBrokenError } from "./exports/export-broken-error.ts";
import { type ExportFolder, openExportFolder } from "./exports/read-export-folder.ts";
import {
  noRecords,
  parse,
  restoreDeletedSamples,
  restoreDeletions,
  restoreEntries,
  restoreSamples,
} from "./exports/restore-records.ts";
import { openTenantCaller } from "./tenant-caller.ts";

/** The options of `wellvault import export` as commander reads them. */
export interface ImportExportOptions {
  readonly tenant: string;
  readonly address: string;
  readonly employee?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/**
 * Writes an export back through the API and prints what became of its records.
 *
 * @throws ConfigError when the folder or an option cannot be used, ExportBrokenError when the export is not whole,
 *   ConnectError when a call fails; what was written before stays, and importing again goes on
 */
export async function importExport(path: string, options: ImportExportOptions, io: CommandIo): Promise<void> {
  const { tenant, address, tokenFile } = options;
  if (options.employee === undefined && (tokenFile !== undefined || io.env["WELLVAULT_TOKEN"])) {
    throw new ConfigError(
      "With a token, create the employee first and name it by --employee: the token has to be that employee's.",
    );
  }
  const folder = await openExportFolder(path);
  const employee = await readEmployee(folder);
  const employeeId = options.employee ?? (await putEmployee(employee, EmployeeState.ACTIVE, options, io.env));
  using caller = await openTenantCaller({ address, tenant, role: "employee", employeeId, tokenFile }, io.env);
  const keptDays = folder.manifest.files.find(({ recordType }) => recordType === ExportRecordType.SAMPLE_DAY);
  const keptDayCount = Number(keptDays?.recordCount ?? 0n);
  const total = folder.manifest.files.reduce((sum, { recordCount }) => sum + Number(recordCount), -1 - keptDayCount);
  const counts = {
    entries: noRecords(),
    deletedEntries: noRecords(),
    samples: noRecords(),
    deletedSamples: noRecords(),
  };
  using progress = io.stderr.isTTY ? showProgress(io.stderr, total, "records") : undefined;
  const target = {
    employeeId,
    logs: createClient(EmployeeLogService, caller.transport),
    metrics: createClient(MetricService, caller.transport),
    options: caller.options,
    counts,
    onRecords: (count: number) => progress?.add(count),
  };
  try {
    await restoreEntries(folder, target);
    await restoreDeletions(folder, target);
    await restoreSamples(folder, target);
    await restoreDeletedSamples(folder, target);
  } catch (error) {
    io.stderr.write("Not finished. What is stored stays; import the folder again to go on.\n");
    throw error;
  }
  // Of somebody who has left nothing new may be kept, so that is said last.
  if (options.employee === undefined && employee.state === EmployeeState.OFFBOARDED) {
    await putEmployee(employee, EmployeeState.OFFBOARDED, options, io.env);
  }
  if (options.json)
    io.stdout.write(`${JSON.stringify({ tenant, employeeId, ...counts, keptDaysLeftOut: keptDayCount }, null, 2)}\n`);
  else {
    io.stdout.write(`Employee ${employeeId}\n`);
    for (const [name, { inserted, replaced, unchanged, stale }] of Object.entries(counts)) {
      const label = name.replace("deleted", "deleted ").toLowerCase();
      io.stdout.write(`${label}: ${inserted} inserted, ${replaced} replaced, ${unchanged} unchanged, ${stale} stale\n`);
    }
    // No call takes what days came to: it is computed from samples and never written.
    if (keptDayCount > 0) io.stdout.write(`left out: ${keptDayCount} days whose samples were purged\n`);
  }
}

/** Reads the employee of an export. */
async function readEmployee(folder: ExportFolder): Promise<Employee> {
  for await (const line of folder.lines(ExportRecordType.EMPLOYEE)) return parse(EmployeeSchema, line);
  throw new ExportBrokenError("The export holds no employee.");
}

/** Makes the employee be on the roster as the export has it, in a state, and returns the id. */
async function putEmployee(
  { externalId, displayName, team, location, timeZone }: Employee,
  state: EmployeeState,
  { address, tenant }: ImportExportOptions,
  env: CommandIo["env"],
): Promise<string> {
  using admin = await openTenantCaller({ address, tenant, role: "company_admin", tokenFile: undefined }, env);
  const paths = ["display_name", "team", "location", "time_zone", "state"];
  const employees = [{ externalId, displayName, team, location, timeZone, state }];
  const client = createClient(EmployeeService, admin.transport);
  const response = await client.batchUpsertEmployees({ employees, updateMask: { paths } }, admin.options);
  return response.employees[0]?.employee?.employeeId ?? "";
}
