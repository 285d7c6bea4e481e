import type { Employee } from "../gen/wellvault/v1/employee_pb.ts";
import { fromColumns } from "./employee-message.ts";
import type { EmployeeColumns } from "./statements/employee-columns.ts";
import { fieldsToChange, newEmployeeFields, pick, type WritableField, writableFields } from "./writable-fields.ts";

/** The values of an employee's fields. */
export type EmployeeFields = Pick<Employee, WritableField>;

/** What is to be done about one employee of a batch. */
export interface PlannedUpsert {
  /** The row that is there; undefined for an employee to be created. */
  readonly stored: EmployeeColumns | undefined;
  /** The fields as they are to be. */
  readonly fields: EmployeeFields;
  /** Whether anything has to be written. */
  readonly changes: boolean;
}

/**
 * Says what is to be done so that an employee is as wanted.
 *
 * @param paths the mask's paths: what is changed of an employee that is there; undefined or none stands for all
 */
export function planUpsert(
  wanted: Employee,
  stored: EmployeeColumns | undefined,
  paths: readonly string[] | undefined,
): PlannedUpsert {
  if (!stored) return { stored, fields: newEmployeeFields(wanted), changes: true };
  const before = pick(fromColumns(stored), writableFields);
  const fields = { ...before, ...pick(wanted, fieldsToChange(wanted, paths)), externalId: before.externalId };
  return { stored, fields, changes: writableFields.some((field) => fields[field] !== before[field]) };
}
