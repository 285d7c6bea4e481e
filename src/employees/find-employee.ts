import { errors } from "../errors.ts";
import { EmployeeState } from "../gen/wellvault/v1/employee_pb.ts";
import type { TenantSession } from "../tenancy/session.ts";
import { findEmployeeNo } from "./statements/find-employee-no.ts";

/** The error for an employee that the tenant does not have. */
export function employeeNotFound(id: string) {
  return errors.notFound({ type: "wellvault.v1.Employee", name: id });
}

/**
 * Makes sure that there is an employee. For a statement that found nothing: it cannot tell an employee
 * without data from an employee that there is not.
 *
 * @throws WellvaultError RESOURCE_NOT_FOUND when the tenant has no such employee
 */
export async function checkEmployeeExists(session: Pick<TenantSession, "query">, employeeId: string): Promise<void> {
  const [row] = await session.query(findEmployeeNo, [employeeId]);
  if (!row) throw employeeNotFound(employeeId);
}

/**
 * Makes sure that something new may be kept of an employee. For a write that stored nothing: it leaves out an
 * employee that there is not and one who has left alike.
 *
 * @throws WellvaultError RESOURCE_NOT_FOUND when the tenant has no such employee, EMPLOYEE_OFFBOARDED when the
 *   employee has left
 */
export async function checkMayBeWritten(session: Pick<TenantSession, "query">, employeeId: string): Promise<void> {
  const [row] = await session.query(findEmployeeNo, [employeeId]);
  if (!row) throw employeeNotFound(employeeId);
  if (row.state === EmployeeState.OFFBOARDED) {
    throw errors.employeeOffboarded({ type: "wellvault.v1.Employee", name: employeeId });
  }
}
