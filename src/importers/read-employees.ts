import { create } from "@bufbuild/protobuf";
import { employeeViolations } from "../employees/check-employees.ts";
import { maxEmployees } from "../employees/employee-limits.ts";
import type { WritableField } from "../employees/writable-fields.ts";
import { type Employee, EmployeeSchema, EmployeeState } from "../gen/wellvault/v1/employee_pb.ts";
import { type EmployeeHeader, employeeColumns, readEmployeeHeader } from "./employee-columns.ts";
import type { BadRow } from "./imported-sample.ts";
import { readRecords } from "./read-records.ts";

/** An employee as a file has it. */
export interface ImportedEmployee {
  /** Line of the row, counted from 1. */
  readonly line: number;
  readonly employee: Employee;
  /** How many bytes of the file have been read with it. */
  readonly bytes: number;
}

/** How to read a file of employees. */
export interface EmployeeFileOptions {
  /** Told once what the header line names, before the first employee comes. */
  readonly onHeader: (header: EmployeeHeader) => void;
  /** Told of each row that is left out, once, by the first thing that is wrong with it. */
  readonly onBadRow: (row: BadRow) => void;
  /** Told when the file is read no further, which is a bad row too. */
  readonly onBroken: (row: BadRow) => void;
}

/**
 * Streams the employees of a CSV file with a header line, checked by the rules of the API. External ids are
 * remembered, to find one that stands twice; reading ends with more of them than a tenant may have employees, so
 * memory does not grow with the file.
 *
 * @throws the file system's error when the file cannot be opened or read
 */
export async function* readEmployees(
  path: string,
  { onHeader, onBadRow, onBroken }: EmployeeFileOptions,
): AsyncGenerator<ImportedEmployee, void, undefined> {
  let header: EmployeeHeader | undefined;
  let broken = false;
  const lines = new Map<string, number>();
  const end = (row: BadRow) => {
    broken = true;
    onBroken(row);
  };
  for await (const { line, fields, bytes } of readRecords(path, true, end)) {
    if (!header) {
      header = readEmployeeHeader(fields);
      if (header.problem) return end({ file: path, line, problem: header.problem });
      onHeader(header);
      continue;
    }
    const row = readRow(header, fields);
    const problem = "problem" in row ? row : findProblem(row.employee, lines);
    if (problem) {
      onBadRow({ file: path, line, ...problem });
    } else if ("employee" in row) {
      if (lines.size === maxEmployees) {
        const most = `a tenant has at most ${maxEmployees} employees; the file is read no further`;
        return end({ file: path, line, problem: most });
      }
      lines.set(row.employee.externalId, line);
      yield { line, employee: row.employee, bytes };
    }
  }
  if (!header && !broken)
    end({ file: path, line: 1, problem: `the header line must name ${employeeColumns.externalId}` });
}

type Problem = Pick<BadRow, "column" | "problem">;

function readRow(header: EmployeeHeader, cells: readonly string[]): Problem | { employee: Employee } {
  const { fields } = header;
  if (cells.length !== fields.length) return { problem: `must have ${fields.length} fields, as the header line has` };
  const employee = create(EmployeeSchema);
  for (const [index, field] of fields.entries()) {
    if (!field) continue;
    const text = cells[index] ?? "";
    const column = employeeColumns[field];
    // What the decoder writes for bytes that are no UTF-8: better no name than a wrong one.
    if (text.includes("\uFFFD")) return { column, problem: "must be UTF-8" };
    if (field !== "state") {
      employee[field] = text;
      continue;
    }
    const state = stateOf(text);
    if (state === undefined) return { column, problem: "must be ACTIVE, OFFBOARDED or empty" };
    employee.state = state;
  }
  return { employee };
}

/** An empty cell tells no state. */
function stateOf(text: string): EmployeeState | undefined {
  switch (text.toUpperCase()) {
    case "":
      return EmployeeState.UNSPECIFIED;
    case "ACTIVE":
      return EmployeeState.ACTIVE;
    case "OFFBOARDED":
      return EmployeeState.OFFBOARDED;
    default:
      return undefined;
  }
}

function findProblem(employee: Employee, lines: ReadonlyMap<string, number>): Problem | undefined {
  const [violation] = employeeViolations(employee, "row");
  if (violation) return { column: violation.field.replace("row.", ""), problem: violation.description };
  const before = lines.get(employee.externalId);
  if (before === undefined) return undefined;
  return { column: employeeColumns.externalId, problem: `must not be that of line ${before} again` };
}

/** The paths of a mask for what a file tells of employees: all its columns but the key. */
export function maskOf({ fields }: EmployeeHeader): string[] {
  const told = fields.filter((field): field is WritableField => field !== undefined && field !== "externalId");
  return told.map((field) => employeeColumns[field]);
}
