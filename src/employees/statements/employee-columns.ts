import type { EpochSeconds } from "../../civil-time.ts";
import { fragment } from "../../database/statement.ts";
import type { EmployeeState } from "../../gen/wellvault/v1/employee_pb.ts";

/** The columns of an employee that the API shows, in the form the service reads. */
export const employeeColumns = fragment`
    employee_no,
    employee_id,
    external_id,
    display_name,
    team,
    location,
    time_zone,
    state,
    revision,
    date_part('epoch'::text, create_time) as create_epoch,
    date_part('epoch'::text, update_time) as update_epoch`;

/** A row of {@link employeeColumns}. */
export interface EmployeeColumns {
  readonly employee_no: number;
  readonly employee_id: string;
  readonly external_id: string;
  readonly display_name: string;
  readonly team: string;
  readonly location: string;
  readonly time_zone: string;
  readonly state: EmployeeState;
  readonly revision: number;
  readonly create_epoch: EpochSeconds;
  readonly update_epoch: EpochSeconds;
}
