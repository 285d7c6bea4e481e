import { type Employee, EmployeeSchema, EmployeeState } from "../gen/wellvault/v1/employee_pb.ts";

/** The fields a caller may set; the names are those of the message and of the row alike. */
export const writableFields = ["externalId", "displayName", "team", "location", "timeZone", "state"] as const;

/** One of {@link writableFields}. */
export type WritableField = (typeof writableFields)[number];

/** Takes some properties out of an object. */
export function pick<T extends Record<K, unknown>, K extends string>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}

/** The fields of a new employee; who is new and of no state given is there. */
export function newEmployeeFields(wanted: Employee): Pick<Employee, WritableField> {
  return { ...pick(wanted, writableFields), state: wanted.state || EmployeeState.ACTIVE };
}

/**
 * The fields of an employee that is there which a mask changes. A state that is not specified is kept.
 *
 * @param paths the mask's paths; undefined or none stands for every field
 */
export function fieldsToChange(wanted: Employee, paths: readonly string[] | undefined): readonly WritableField[] {
  return writableFields.filter((field) => {
    if (field === "state" && wanted.state === EmployeeState.UNSPECIFIED) return false;
    return !paths || paths.length === 0 || paths.includes(EmployeeSchema.field[field].name);
  });
}
