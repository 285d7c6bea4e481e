import { Code, ConnectError } from "@connectrpc/connect";
import { EmployeeLogService } from "../../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import type { StreamSamplesResponse } from "../../../src/gen/wellvault/v1/metric_service_pb.ts";
import { TenantService } from "../../../src/gen/wellvault/v1/tenant_service_pb.ts";
import type { Caller } from "../../support/callers.ts";
import type { Company } from "./company.ts";
import type { RequestField } from "./fields.ts";
import type { Stage } from "./stage.ts";

/** What became of a text that was put into a field of a request. */
export interface Fate {
  readonly fate: "verbatim" | "changed" | "refused" | "ignored";
  /** What the service answered. */
  readonly answer: unknown;
}

/** The codes by which a text may be refused: it breaks a rule, names nothing, or is no current etag. */
const refusals: readonly Code[] = [Code.InvalidArgument, Code.NotFound, Code.Aborted];

/**
 * Fields that say something in answers only, or for UpdateEmployee and nowhere else, or that no mask can name: what a
 * request has in them is not looked at.
 */
const ignored =
  /( .*civil_date|^(Create|Update)Employee employee\.(etag|employee_id)|BatchUpsert.*\.employee_id|^UpdateTenant tenant\.\w+)$/;

let serial = 0;

/**
 * Puts a text into one field of an otherwise valid request, makes the call as `company`, and looks, through
 * another client, at what was stored.
 */
export async function fateOf(
  stage: Stage,
  company: Company,
  field: RequestField,
  text: string,
  [by, reader]: readonly [Caller, Caller],
): Promise<Fate> {
  // An entry of its own for each, or the second text would be no news.
  const request = field.request({ ...company, entryId: `entry-${++serial}` }, text);
  let answer: unknown;
  try {
    answer = await stage.call(by, field.call, request, company.badges[field.call.badge]);
  } catch (error) {
    if (error instanceof ConnectError && refusals.includes(error.code)) return { fate: "refused", answer: error };
    throw error;
  }
  if (field.call.name === "StreamSamples" && (answer as StreamSamplesResponse[]).some(isRefusal)) {
    return { fate: holds(answer, text) ? "changed" : "refused", answer };
  }
  // A filter is not stored: it is taken to the letter when it lets nothing else through.
  if (field.call.name === "ListEmployees" && field.path === "team") {
    const { employees } = answer as { employees: { team: string }[] };
    return { fate: employees.every(({ team }) => team === text) ? "ignored" : "changed", answer };
  }
  if (ignored.test(`${field.call.name} ${field.path}`))
    return { fate: holds(answer, text) ? "changed" : "ignored", answer };
  const stored = await readBack(reader, company, field.call.name, request, answer);
  return { fate: holds(answer, text) && holds(stored, text) ? "verbatim" : "changed", answer };
}

/** Whether a batch, or a sample of it, was refused. */
function isRefusal({ outcome }: StreamSamplesResponse): boolean {
  return outcome.case !== "stored" || outcome.value.refusedCount > 0;
}

async function readBack(
  reader: Caller,
  { employeeId, badges }: Company,
  method: string,
  request: object,
  answer: unknown,
): Promise<unknown> {
  type One = { employee?: { employeeId: string } };
  const { employee } =
    method === "BatchUpsertEmployees" ? ((answer as { employees: One[] }).employees[0] ?? {}) : (answer as One);
  const { entry } = request as { entry?: { entryId: string } };
  const { tenantId = "" } = request as { tenantId?: string };
  if (employee) {
    const key = { case: "employeeId" as const, value: employee.employeeId };
    return await reader.call(EmployeeService.method.getEmployee, { key }, badges.admin);
  }
  if (entry) {
    const { entryId } = entry;
    return await reader.call(EmployeeLogService.method.getLogEntry, { employeeId, entryId }, badges.person);
  }
  if (method === "ProvisionTenant") {
    return await reader.call(TenantService.method.getTenant, { tenantId }, badges.operator);
  }
  throw new Error(`${method} took a text, and nobody knows where to look for it`);
}

/** Whether a text stands whole in some field of a message. */
function holds(value: unknown, text: string): boolean {
  if (typeof value === "string") return value === text;
  return typeof value === "object" && value !== null && Object.values(value).some((inner) => holds(inner, text));
}
