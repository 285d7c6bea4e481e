import { statement, withRows } from "../../database/statement.ts";
import { employeeColumns } from "./employee-columns.ts";
import { employeeRows, type ReadEmployee } from "./employee-rows.ts";

/** An employee by the id in the tenant's own systems: `employees_external_id_key`, 3 buffers. */
export const getEmployeeByExternalId = withRows(
  employeeRows,
  statement<[externalId: string], ReadEmployee>`
    select ${employeeColumns}
    from employees
    where external_id = $1 and delete_time is null
  `,
);
