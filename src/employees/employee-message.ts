import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { fromEpoch } from "../civil-time.ts";
import type { Employee } from "../gen/wellvault/v1/employee_pb.ts";
import type { EmployeeRow } from "./employee-entity.ts";
import type { EmployeeColumns } from "./statements/employee-columns.ts";

/** The employee of an entity, as the API shows it. */
export function fromEntity(row: EmployeeRow): Employee {
  const { employeeId, externalId, displayName, team, location, timeZone, state } = row;
  return {
    $typeName: "wellvault.v1.Employee",
    employeeId,
    externalId,
    displayName,
    team,
    location,
    timeZone,
    state,
    etag: etagOf(row),
    createTime: timestampFromDate(row.createTime),
    updateTime: timestampFromDate(row.updateTime),
  };
}

/** The employee of a row that a statement read, as the API shows it. */
export function fromColumns(row: Omit<EmployeeColumns, "employee_no">): Employee {
  return {
    $typeName: "wellvault.v1.Employee",
    employeeId: row.employee_id,
    externalId: row.external_id,
    displayName: row.display_name,
    team: row.team,
    location: row.location,
    timeZone: row.time_zone,
    state: row.state,
    etag: etagOf(row),
    createTime: fromEpoch(row.create_epoch),
    updateTime: fromEpoch(row.update_epoch),
  };
}

/** The etag of a revision of an employee. */
export function etagOf({ revision }: { readonly revision: number }): string {
  return `r${revision}`;
}
