import { errors, type FieldViolation } from "../errors.ts";
import { type Employee, EmployeeSchema } from "../gen/wellvault/v1/employee_pb.ts";
import { findViolations } from "../validation.ts";
import { timeZoneViolation } from "./time-zone.ts";

/**
 * Finds everything that is wrong with an employee as a caller wants it.
 *
 * @param path path of the employee in the request, such as `employees[3]`
 */
export function employeeViolations(employee: Employee, path: string): FieldViolation[] {
  const violations = findViolations(EmployeeSchema, employee, path);
  const field = `${path}.time_zone`;
  // A name that breaks the rules of names is not looked up as well.
  const zone = violations.some((one) => one.field === field) ? undefined : timeZoneViolation(field, employee.timeZone);
  return zone ? [...violations, zone] : violations;
}

/**
 * Checks a batch of employees, whose external ids must differ.
 *
 * @throws WellvaultError FIELD_INVALID naming every field of every employee that breaks a rule, by its index
 */
export function checkEmployees(employees: readonly Employee[]): void {
  const indexes = new Map<string, number>();
  const violations = employees.flatMap((employee, index) => {
    const own = employeeViolations(employee, `employees[${index}]`);
    const first = indexes.get(employee.externalId);
    if (first === undefined) indexes.set(employee.externalId, index);
    else if (employee.externalId !== "") {
      const description = `must not be that of employees[${first}] again`;
      own.push({ field: `employees[${index}].external_id`, description, rule: "external_id.unique" });
    }
    return own;
  });
  if (violations.length > 0) throw errors.fieldsInvalid(violations);
}
