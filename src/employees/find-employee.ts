import { statement } from "../database/statement.ts";
import { errors } from "../errors.ts";
import type { PinnedTransaction } from "../tenancy/sessions.ts";

/** Resolves an employee's id to the number it has inside the vault; deleted employees are not found. */
const findEmployeeNo = statement<[employeeId: string], { employee_no: number }>`
  select employee_no
  from employees
  where employee_id = $1 and delete_time is null
`;

/** The error for an employee that the tenant does not have. */
export function employeeNotFound(id: string) {
  return errors.notFound({ type: "wellvault.v1.Employee", name: id });
}

/**
 * Returns the number that an employee has inside the vault.
 *
 * @throws WellvaultError RESOURCE_NOT_FOUND when the tenant has no such employee
 */
export async function requireEmployeeNo(transaction: PinnedTransaction, employeeId: string): Promise<number> {
  const [row] = await transaction.query(findEmployeeNo, [employeeId]);
  if (!row) throw employeeNotFound(employeeId);
  return row.employee_no;
}
