import type { WritableField } from "../employees/writable-fields.ts";

/** The columns of a file of employees, by the fields that they fill. */
export const employeeColumns: Readonly<Record<WritableField, string>> = {
  externalId: "external_id",
  displayName: "display_name",
  team: "team",
  location: "location",
  timeZone: "time_zone",
  state: "state",
};

/** What a header line names. */
export interface EmployeeHeader {
  /** The field of each column, undefined for a column that stands for none. */
  readonly fields: readonly (WritableField | undefined)[];
  /** Names of the columns that stand for no field, as they are written. */
  readonly unknown: readonly string[];
  /** What makes the file unusable, or undefined. */
  readonly problem: string | undefined;
}

/** Reads a header line. Case, spaces, hyphens and underscores in names do not count, nor does the order. */
export function readEmployeeHeader(names: readonly string[]): EmployeeHeader {
  const known = new Map(Object.keys(employeeColumns).map((field) => [plain(field), field as WritableField]));
  const fields = names.map((name) => known.get(plain(name)));
  const named = fields.filter((field) => field !== undefined);
  const twice = named.find((field, index) => named.indexOf(field) !== index);
  let problem: string | undefined;
  if (!named.includes("externalId")) problem = `the header line must name ${employeeColumns.externalId}`;
  else if (twice) problem = `the header line must name ${employeeColumns[twice]} once`;
  return { fields, unknown: names.filter((_, index) => !fields[index]), problem };
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, "");
}
