import { numberAt, type RowReader, textAt } from "../../database/row-reader.ts";
import type { Employee, EmployeeState } from "../../gen/wellvault/v1/employee_pb.ts";
import { fromColumns } from "../employee-message.ts";

/** A row of `employeeColumns` that is only shown: the message that it becomes, and the key, which the message does not say. */
export interface ReadEmployee {
  readonly employee: Employee;
  readonly employee_no: number;
}

/** Reads rows of `employeeColumns`. */
export const employeeRows: RowReader<ReadEmployee> = {
  columns: [
    "employee_no",
    "employee_id",
    "external_id",
    "display_name",
    "team",
    "location",
    "time_zone",
    "state",
    "revision",
    "create_epoch",
    "update_epoch",
  ],
  read: (texts) => ({
    employee: fromColumns({
      employee_id: textAt(texts, 1),
      external_id: textAt(texts, 2),
      display_name: textAt(texts, 3),
      team: textAt(texts, 4),
      location: textAt(texts, 5),
      time_zone: textAt(texts, 6),
      state: numberAt(texts, 7) as EmployeeState,
      revision: numberAt(texts, 8),
      create_epoch: numberAt(texts, 9),
      update_epoch: numberAt(texts, 10),
    }),
    employee_no: numberAt(texts, 0),
  }),
};
