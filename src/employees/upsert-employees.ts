import { create } from "@bufbuild/protobuf";
import { v7 as uuidv7 } from "uuid";
import { constraintOf } from "../database/sqlstate.ts";
import { errors } from "../errors.ts";
import { type Employee, EmployeeSchema } from "../gen/wellvault/v1/employee_pb.ts";
import {
  type BatchUpsertEmployeesRequest,
  type UpsertedEmployee,
  UpsertedEmployeeSchema,
  UpsertOutcome,
} from "../gen/wellvault/v1/employee_service_pb.ts";
import type { PinnedTransaction, TenantSession } from "../tenancy/session.ts";
import { checkEmployees } from "./check-employees.ts";
import { maxEmployees } from "./employee-limits.ts";
import { etagOf, fromColumns } from "./employee-message.ts";
import { countEmployeesIn } from "./statements/count-employees-in.ts";
import type { EmployeeColumns } from "./statements/employee-columns.ts";
import { insertEmployees } from "./statements/insert-employees.ts";
import { lockCounters } from "./statements/lock-counters.ts";
import { lockEmployees } from "./statements/lock-employees.ts";
import { updateEmployees } from "./statements/update-employees.ts";
import { type EmployeeFields, type PlannedUpsert, planUpsert } from "./upsert-plan.ts";

/** How often a batch is begun when an employee takes one of its external ids meanwhile. */
const attempts = 3;

/**
 * Creates and changes employees by their external ids, all of them or none.
 *
 * @returns what became of each, in the order of the request
 * @throws WellvaultError FIELD_INVALID, ETAG_STALE, LIMIT_REACHED when the tenant would have too many employees,
 *   CONFLICT when renamings took external ids of the batch again and again
 */
export async function upsertEmployees(
  request: BatchUpsertEmployeesRequest,
  session: Pick<TenantSession, "transaction">,
): Promise<UpsertedEmployee[]> {
  checkEmployees(request.employees);
  for (let attempt = 1; ; attempt++) {
    try {
      return await session.transaction((transaction) => upsertIn(transaction, request));
    } catch (error) {
      if (constraintOf(error) !== "employees_external_id_key") throw error;
      if (attempt === attempts) throw errors.conflict(error);
    }
  }
}

/**
 * The counters are locked first, like whoever creates or deletes does, and all employees before anything is
 * written. So nobody waits for this transaction while it waits for them.
 */
async function upsertIn(
  transaction: PinnedTransaction,
  { employees, updateMask, validateOnly }: BatchUpsertEmployeesRequest,
): Promise<UpsertedEmployee[]> {
  const counters = await transaction.query(lockCounters, []);
  const rows = await transaction.query(lockEmployees, [employees.map((employee) => employee.externalId)]);
  const stored = new Map(rows.map((row) => [row.external_id, row]));
  const plans = employees.map((wanted) => {
    const row = stored.get(wanted.externalId);
    checkEtag(wanted, row);
    return planUpsert(wanted, row, updateMask?.paths);
  });
  const added = plans.filter((plan) => !plan.stored);
  if (added.length > 0 && lastOf(counters, "active_employee") + added.length > maxEmployees) {
    throw errors.limitReached("employees", maxEmployees);
  }
  const written = validateOnly ? [] : await write(transaction, plans, lastOf(counters, "employee"));
  const byExternalId = new Map(written.map((row) => [row.external_id, row]));
  return plans.map((plan) => {
    const row = byExternalId.get(plan.fields.externalId) ?? plan.stored;
    return create(UpsertedEmployeeSchema, {
      outcome: outcomeOf(plan),
      employee: create(EmployeeSchema, row ? { ...fromColumns(row), ...plan.fields } : plan.fields),
    });
  });
}

async function write(
  transaction: PinnedTransaction,
  plans: readonly PlannedUpsert[],
  lastNo: number,
): Promise<EmployeeColumns[]> {
  const time = new Date().toISOString();
  const added = plans.filter((plan) => !plan.stored);
  const changed = plans.filter((plan) => plan.stored && plan.changes);
  const rows: EmployeeColumns[] = [];
  if (added.length > 0) {
    await transaction.query(countEmployeesIn, [added.length]);
    const ids = added.map(() => uuidv7());
    const externalIds = added.map(({ fields }) => fields.externalId);
    rows.push(...(await transaction.query(insertEmployees, [lastNo, time, ids, externalIds, ...columnsOf(added)])));
  }
  if (changed.length > 0) {
    const numbers = changed.map((plan) => plan.stored?.employee_no ?? 0);
    rows.push(...(await transaction.query(updateEmployees, [time, numbers, ...columnsOf(changed)])));
  }
  return rows;
}

/** The fields besides the external id as arrays, in the order in which the statements take them. */
function columnsOf(plans: readonly PlannedUpsert[]) {
  const column = <Field extends keyof EmployeeFields>(field: Field) => plans.map(({ fields }) => fields[field]);
  return [column("displayName"), column("team"), column("location"), column("timeZone"), column("state")] as const;
}

function checkEtag({ etag, externalId }: Employee, row: EmployeeColumns | undefined): void {
  if (etag === "" || (row && etag === etagOf(row))) return;
  throw errors.etagStale({ type: "wellvault.v1.Employee", name: externalId });
}

function outcomeOf({ stored, changes }: PlannedUpsert): UpsertOutcome {
  if (!stored) return UpsertOutcome.CREATED;
  return changes ? UpsertOutcome.UPDATED : UpsertOutcome.UNCHANGED;
}

function lastOf(counters: readonly { name: string; last_value: number }[], name: string): number {
  const counter = counters.find((candidate) => candidate.name === name);
  if (!counter) throw new Error("a counter of the vault is missing");
  return counter.last_value;
}
