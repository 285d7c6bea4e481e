import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { LockMode, OptimisticLockError, UniqueConstraintViolationException } from "@mikro-orm/postgresql";
import { v7 as uuidv7 } from "uuid";
import { constraintOf } from "../database/sqlstate.ts";
import { errors } from "../errors.ts";
import { type Employee, EmployeeSchema, EmployeeState } from "../gen/wellvault/v1/employee_pb.ts";
import type { EmployeeService } from "../gen/wellvault/v1/employee_service_pb.ts";
import { decodePageToken, encodePageToken, type PageScope, pageSize } from "../paging.ts";
import type { TenantHandlers } from "../tenancy/handlers.ts";
import type { PinnedTransaction } from "../tenancy/session.ts";
import { validateMessage } from "../validation.ts";
import { EmployeeEntity, type EmployeeRow } from "./employee-entity.ts";
import { maxEmployees } from "./employee-limits.ts";
import { etagOf, fromEntity } from "./employee-message.ts";
import { employeeNotFound } from "./find-employee.ts";
import { allotEmployeeNo } from "./statements/allot-employee-no.ts";
import { countEmployeeOut } from "./statements/count-employee-out.ts";
import { getEmployee } from "./statements/get-employee.ts";
import { getEmployeeByExternalId } from "./statements/get-employee-by-external-id.ts";
import { listEmployees } from "./statements/list-employees.ts";
import { timeZoneViolation } from "./time-zone.ts";
import { upsertEmployees } from "./upsert-employees.ts";
import { fieldsToChange, newEmployeeFields, pick, type WritableField, writableFields } from "./writable-fields.ts";

/** The handlers of EmployeeService. */
export const employeeHandlers: TenantHandlers<typeof EmployeeService> = {
  async createEmployee(request, session) {
    const wanted = request.employee ?? create(EmployeeSchema);
    checkTimeZone(wanted.timeZone);
    const requestId = request.requestId.toLowerCase();
    const row = await namingConflicts(wanted.externalId, () =>
      session.transaction(async (transaction) => {
        const numbers = await transaction.query(allotEmployeeNo, []);
        // Behind the counter's lock: whoever sent the same request id first is committed by now.
        const earlier = requestId ? await transaction.em.findOne(EmployeeEntity, { requestId }) : null;
        if (earlier) {
          // Nothing was given out after all.
          throw new Repeated(sameRequest(earlier, wanted));
        }
        const active = numberOf(numbers, "active_employee");
        if (active > maxEmployees) throw errors.limitReached("employees", maxEmployees);
        const now = new Date();
        const employee = transaction.em.create(EmployeeEntity, {
          employeeNo: numberOf(numbers, "employee"),
          employeeId: uuidv7(),
          ...newEmployeeFields(wanted),
          requestId: requestId || null,
          requestDigest: requestId ? digestOf(wanted) : null,
          createTime: now,
          updateTime: now,
        });
        transaction.em.persist(employee);
        return employee;
      }),
    );
    return { employee: fromEntity(row) };
  },

  async getEmployee({ key }, session) {
    const id = key.value ?? "";
    const [row] = await session.query(key.case === "externalId" ? getEmployeeByExternalId : getEmployee, [id]);
    if (!row) throw employeeNotFound(id);
    return { employee: row.employee };
  },

  async listEmployees(request, session) {
    const { state, team } = request;
    const scope: PageScope = {
      method: "EmployeeService.ListEmployees",
      tenantId: session.tenantId,
      args: [state, team ?? null],
    };
    const after = decodePageToken(scope, request.pageToken, ["int4"])?.[0] ?? 0;
    const size = pageSize(request.pageSize);
    const rows = await session.query(listEmployees, [Number(after), size + 1, state || null, team ?? null]);
    const page = rows.slice(0, size);
    const last = rows.length > size ? page.at(-1) : undefined;
    return {
      employees: page.map(({ employee }) => employee),
      nextPageToken: last ? encodePageToken(scope, [last.employee_no]) : "",
    };
  },

  async updateEmployee(request, session) {
    const wanted = request.employee;
    if (!wanted)
      throw errors.fieldsInvalid([{ field: "employee", description: "value is required", rule: "required" }]);
    const fields = maskedFields(wanted, request.updateMask?.paths);
    const row = await namingConflicts(wanted.externalId, () =>
      session.transaction(async (transaction) => {
        const employee = await requireEmployee(transaction, request.employeeId, wanted.etag);
        const changes = pick(wanted, fields);
        // The mask decides what counts, so the rules apply to what would be stored.
        validateMessage(
          EmployeeSchema,
          create(EmployeeSchema, { ...pick(employee, writableFields), ...changes }),
          "employee",
        );
        if (changes.timeZone !== undefined) checkTimeZone(changes.timeZone);
        if (fields.some((field) => employee[field] !== wanted[field])) {
          transaction.em.assign(employee, { ...changes, updateTime: new Date() });
        }
        return employee;
      }),
    );
    return { employee: fromEntity(row) };
  },

  async deleteEmployee(request, session) {
    await session.transaction(async (transaction) => {
      await transaction.query(countEmployeeOut, []);
      const employee = await requireEmployee(transaction, request.employeeId, request.etag);
      const now = new Date();
      transaction.em.assign(employee, { deleteTime: now, updateTime: now });
    });
    return {};
  },

  async batchUpsertEmployees(request, session) {
    return { employees: await upsertEmployees(request, session) };
  },
};

/** Carries the employee of a repeated request out of the transaction, which is then undone. */
class Repeated extends Error {
  readonly row: EmployeeRow;
  constructor(row: EmployeeRow) {
    super("repeated request");
    this.row = row;
  }
}

/** Turns what the unique indexes and the revision report into the catalogue's errors. */
async function namingConflicts(externalId: string, work: () => Promise<EmployeeRow>): Promise<EmployeeRow> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Repeated) return error.row;
    const resource = { type: "wellvault.v1.Employee", name: externalId };
    if (error instanceof UniqueConstraintViolationException && constraintOf(error) === "employees_external_id_key") {
      throw errors.exists(resource, "external_id");
    }
    if (error instanceof OptimisticLockError) throw errors.conflict(error);
    throw error;
  }
}

function sameRequest(row: EmployeeRow, wanted: Employee): EmployeeRow {
  // Compared with what was asked for then: the employee may have been changed since.
  if (row.deleteTime || row.requestDigest !== digestOf(wanted)) {
    throw errors.requestIdReused({ type: "wellvault.v1.Employee", name: wanted.externalId });
  }
  return row;
}

async function requireEmployee(transaction: PinnedTransaction, employeeId: string, etag: string): Promise<EmployeeRow> {
  // Locked, so that the etag compared is the one that is replaced.
  const row = await transaction.em.findOne(
    EmployeeEntity,
    { employeeId, deleteTime: null },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  if (!row) throw employeeNotFound(employeeId);
  if (etag !== "" && etag !== etagOf(row)) {
    throw errors.etagStale({ type: "wellvault.v1.Employee", name: employeeId });
  }
  return row;
}

/**
 * Tells one request from another by the values that it sets. The state counts where it is not the usual one,
 * so that a request made before there were states is still known.
 */
function digestOf(wanted: Employee): string {
  const { externalId, displayName, team, location, timeZone, state } = newEmployeeFields(wanted);
  const values = [externalId, displayName, team, location, timeZone];
  return createHash("sha256")
    .update(JSON.stringify(state === EmployeeState.ACTIVE ? values : [...values, state]))
    .digest("hex");
}

/** The fields that an update changes. */
function maskedFields(wanted: Employee, paths: readonly string[] | undefined): readonly WritableField[] {
  if (wanted.state === EmployeeState.UNSPECIFIED && paths?.includes(EmployeeSchema.field.state.name)) {
    throw errors.fieldsInvalid([
      { field: "employee.state", description: "is required where the mask names it", rule: "required" },
    ]);
  }
  return fieldsToChange(wanted, paths);
}

function checkTimeZone(name: string): void {
  const violation = timeZoneViolation("employee.time_zone", name);
  if (violation) throw errors.fieldsInvalid([violation]);
}

function numberOf(rows: readonly { name: string; last_value: number }[], name: string): number {
  const row = rows.find((candidate) => candidate.name === name);
  if (!row) throw new Error("a counter of the vault is missing");
  return row.last_value;
}
