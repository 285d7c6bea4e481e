import { expect } from "vitest";
import { EmployeeLogService } from "../../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import { logEntry } from "../../support/samples.ts";
import { describeFailure } from "../support/outcome.ts";
import type { Company } from "./company.ts";
import type { Stage } from "./stage.ts";

/** Has calls of A fail as they should not, with values on their way, once by each way that statements go. */
export async function meetDefects(stage: Stage, { vault, employeeId, badges, marker }: Company): Promise<void> {
  const { admin } = stage.database;
  const caller = stage.callers["grpc-js"];
  const put = (version: bigint) => {
    const entry = logEntry({ entryId: `defect-${version}-${marker}`, note: `note-${marker}`, version });
    return caller.call(EmployeeLogService.method.putLogEntry, { employeeId, entry }, badges.person);
  };
  const hire = () =>
    caller.call(EmployeeService.method.createEmployee, { employee: { externalId: `late-${marker}` } }, badges.admin);
  await admin.query(`revoke insert on ${vault}.log_entries, ${vault}.employees from ${vault}`);
  expect(await put(1n).catch(describeFailure)).toBe("INTERNAL");
  expect(await hire().catch(describeFailure)).toBe("INTERNAL");
  await admin.query(`grant insert on ${vault}.log_entries, ${vault}.employees to ${vault}`);
  // Errors of the database that hold the row in their details.
  await admin.query(
    `alter table ${vault}.log_entries add constraint spoilt exclude (note with =) where (version > 70);
     create unique index spoilt_too on ${vault}.employees (company_id) where external_id like 'late-%';
     insert into ${vault}.employees (employee_no, employee_id, external_id) values (999, gen_random_uuid(), 'late-')`,
  );
  await put(71n);
  expect(await put(72n).catch(describeFailure)).toBe("INTERNAL");
  expect(await hire().catch(describeFailure)).toBe("INTERNAL");
}
