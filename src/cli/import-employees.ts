import { stat } from "node:fs/promises";
import { createClient } from "@connectrpc/connect";
import { ConfigError } from "../config.ts";
import { EmployeeService } from "../gen/wellvault/v1/employee_service_pb.ts";
import type { BadRow } from "../importers/imported-sample.ts";
import { type EmployeeCounts, pushEmployees } from "../importers/push-employees.ts";
import { maskOf, readEmployees } from "../importers/read-employees.ts";
import type { CommandIo } from "./command-io.ts";
import { showProgress } from "./demo/progress.ts";
import { openTenantCaller } from "./tenant-caller.ts";

/** The options of `wellvault import employees` as commander reads them. */
export interface ImportEmployeesOptions {
  readonly tenant: string;
  readonly address: string;
  readonly tokenFile?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Problems in the summary at most; standard error has them all. */
const maxProblems = 1_000;

/**
 * Imports a file of employees and prints what became of its rows.
 *
 * @returns the exit code: 1 when a row was refused or the file was not read to its end, 0 otherwise
 * @throws ConfigError when the file or an option cannot be used, ConnectError when a call fails
 */
export async function importEmployees(file: string, options: ImportEmployeesOptions, io: CommandIo): Promise<0 | 1> {
  const size = await sizeOf(file);
  using caller = await openTenantCaller({ ...options, role: "company_admin", tokenFile: options.tokenFile }, io.env);
  const client = createClient(EmployeeService, caller.transport);
  const progress = io.stderr.isTTY ? showProgress(io.stderr, size, "bytes") : undefined;
  const counts: EmployeeCounts = { created: 0, updated: 0, unchanged: 0, refused: 0 };
  const problems: Omit<BadRow, "file">[] = [];
  let ignoredColumns: readonly string[] = [];
  let complete = true;
  let paths: string[] = [];
  let done = 0;

  const say = (text: string) => io.stderr.write(`${progress ? "\r\u001b[K" : ""}${text}\n`);
  const report = ({ line, column, problem }: Omit<BadRow, "file">) => {
    if (problems.length < maxProblems) problems.push({ line, ...(column ? { column } : {}), problem });
    say(`${file}:${line}: ${column ? `${column} ` : ""}${problem}`);
  };
  const refuse = (row: Omit<BadRow, "file">) => {
    counts.refused++;
    report(row);
  };
  const rows = readEmployees(file, {
    onHeader(header) {
      ignoredColumns = header.unknown;
      paths = maskOf(header);
      for (const name of header.unknown) say(`${file}:1: column ${JSON.stringify(name)} is unknown and not imported`);
    },
    onBadRow: refuse,
    onBroken(row) {
      complete = false;
      report(row);
    },
  });
  try {
    await pushEmployees(rows, {
      counts,
      onRefused: refuse,
      onBytes(bytes) {
        progress?.add(bytes - done);
        done = bytes;
      },
      async send(employees) {
        const request = {
          employees: [...employees],
          // Without other columns there is nothing to change of anybody, which an empty mask would not say.
          updateMask: { paths: paths.length > 0 ? paths : ["state"] },
          validateOnly: options.dryRun ?? false,
        };
        const response = await client.batchUpsertEmployees(request, caller.options);
        return response.employees.map(({ outcome }) => outcome);
      },
    });
  } catch (error) {
    say(`Not finished: ${inWords(counts)}. What is stored stays; import the file again to go on.`);
    throw error;
  } finally {
    progress?.[Symbol.dispose]();
  }
  const { tenant, dryRun = false } = options;
  const summary = { file, tenant, dryRun, ...counts, complete, ignoredColumns, problems };
  const text = `${dryRun ? "Nothing was written. Would be: " : ""}${inWords(counts)}${complete ? "" : "; the file was not read to its end"}`;
  io.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : `${text}.\n`);
  return counts.refused > 0 || !complete ? 1 : 0;
}

function inWords({ created, updated, unchanged, refused }: EmployeeCounts): string {
  return `${created} created, ${updated} updated, ${unchanged} unchanged, ${refused} refused`;
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch((error: Error) => {
    throw new ConfigError(`The file cannot be read: ${error.message}`);
  });
  if (!found.isFile()) throw new ConfigError(`${file} is not a file.`);
  return found.size;
}
