import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import { openCaller } from "../../support/callers.ts";
import { as } from "../../support/clients.ts";
import type { Attempt } from "../support/attack.ts";
import type { Stage } from "./stage.ts";

/** Lists B's employees by metadata alone. */
export async function readByDevelopmentIdentity(stage: Stage, attempt: Attempt): Promise<void> {
  const service = await stage.startAnother({}, { mode: "development", forced: false });
  const caller = openCaller(service.address, "grpc");
  const claimed = as("company_admin", stage.b.tenantId);
  await attempt("ListEmployees", () =>
    caller.call(EmployeeService.method.listEmployees, {}, claimed).finally(() => caller.close()),
  );
}
