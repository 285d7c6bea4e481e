import { randomUUID } from "node:crypto";
import { type CallOptions, Code } from "@connectrpc/connect";
import { EmployeeLogService } from "../../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../../src/gen/wellvault/v1/metric_service_pb.ts";
import type { Caller } from "../../support/callers.ts";
import { checkEmployees, checkEntries, checkSamples, type RowChecks } from "./check-rows.ts";
import { type Ledger, type LedgerEmployee, rowKey, sampleEpochSeconds } from "./ledger.ts";
import type { Random } from "./random.ts";

/** Makes the metadata of a call: a company's administrator, its ingest service, or one of its employees. */
export interface Badges {
  admin(ledger: Ledger): Promise<CallOptions>;
  ingest(ledger: Ledger): Promise<CallOptions>;
  employee(ledger: Ledger, employeeId: string): Promise<CallOptions>;
}

/** What an order needs to be carried out. */
export interface OrderContext {
  readonly caller: Caller;
  readonly badges: Badges;
  readonly checks: RowChecks;
  readonly random: Random;
  readonly ledger: Ledger;
  /** How the call is to be made besides its metadata: a deadline, or a signal that cancels it. */
  readonly options: CallOptions;
}

/** A kind of call: makes it, checks the answer and takes down what was acknowledged. */
export type Order = (context: OrderContext) => Promise<void>;

/** Employees that a company has at most. */
export const maxEmployees = 12;
/** Different entries and samples of an employee: few, so that they meet each other. */
const entryNames = 24;
const sampleNumbers = 600;

/** Adds an employee. */
export const createEmployee: Order = async ({ caller, badges, ledger, options, checks }) => {
  const externalId = `${ledger.stamp} e${ledger.next()}`;
  const employee = { externalId, displayName: `${ledger.stamp} person`, team: `${ledger.stamp} team` };
  const badge = await badges.admin(ledger);
  ledger.sentExternalIds.add(externalId);
  const request = { employee, requestId: randomUUID() };
  const answer = await caller.call(EmployeeService.method.createEmployee, request, { ...badge, ...options });
  if (!answer.employee) throw new Error("no employee was returned");
  checkEmployees(checks, ledger, "CreateEmployee", [answer.employee]);
  const { employeeId } = answer.employee;
  ledger.employees.set(employeeId, { employeeId, externalId });
};

const getEmployee: Order = async (context) => {
  const { caller, badges, ledger, options, checks } = context;
  const { employeeId, externalId } = someEmployee(context);
  const key = context.random.once(2)
    ? { case: "employeeId" as const, value: employeeId }
    : { case: "externalId" as const, value: externalId };
  const badge = await badges.admin(ledger);
  const answer = await caller.call(EmployeeService.method.getEmployee, { key }, { ...badge, ...options });
  checkEmployees(checks, ledger, "GetEmployee", answer.employee ? [answer.employee] : []);
};

const listEmployees: Order = async ({ caller, badges, ledger, options, checks, random }) => {
  const badge = await badges.admin(ledger);
  const request = { pageSize: 1 + random.below(maxEmployees), pageToken: random.once(2) ? ledger.pageToken : "" };
  const answer = await caller.call(EmployeeService.method.listEmployees, request, { ...badge, ...options });
  checkEmployees(checks, ledger, "ListEmployees", answer.employees);
  if (answer.nextPageToken) ledger.pageToken = answer.nextPageToken;
};

const putSamples: Order = async (context) => {
  const { caller, badges, ledger, options, random } = context;
  const { employeeId } = someEmployee(context);
  const first = random.below(sampleNumbers);
  const sent = Array.from({ length: 1 + random.below(20) }, (_, index) => {
    const number = first + index;
    const key = rowKey(employeeId, number);
    return { number, key, version: ledger.send(ledger.samples, key) };
  });
  const samples = sent.map(({ number, version }) => ({
    kind: "heart_rate",
    startTime: { seconds: BigInt(sampleEpochSeconds + 60 * number), nanos: 0 },
    utcOffsetMinutes: 0,
    value: ledger.value(version),
    source: ledger.stamp,
    version: BigInt(version),
  }));
  const badge = await badges.ingest(ledger);
  const request = { employeeId, samples };
  const answer = await caller.call(MetricService.method.putSamples, request, { ...badge, ...options });
  const { insertedCount, replacedCount, unchangedCount, staleCount } = answer;
  if (insertedCount + replacedCount + unchangedCount + staleCount !== sent.length) {
    throw new Error("PutSamples counted other samples than were sent");
  }
  for (const { key, version } of sent) ledger.acknowledge(ledger.samples, key, version);
};

const listSamples: Order = async (context) => {
  const { caller, badges, ledger, options, checks } = context;
  const { employeeId } = someEmployee(context);
  const badge = await badges.employee(ledger, employeeId);
  const request = { employeeId, pageSize: 1 + context.random.below(100) };
  const answer = await caller.call(MetricService.method.listSamples, request, { ...badge, ...options });
  checkSamples(checks, ledger, "ListSamples", answer.samples);
};

const putLogEntry: Order = async (context) => {
  const { caller, badges, ledger, options, checks } = context;
  const { employeeId } = someEmployee(context);
  const entryId = `entry-${context.random.below(entryNames)}`;
  const key = rowKey(employeeId, entryId);
  const version = ledger.send(ledger.entries, key);
  const entry = {
    entryId,
    startTime: { seconds: BigInt(sampleEpochSeconds), nanos: 0 },
    utcOffsetMinutes: 0,
    source: ledger.stamp,
    version: BigInt(version),
    note: ledger.note(entryId, version),
    detail: { case: "journal" as const, value: { title: ledger.stamp } },
  };
  const badge = await badges.employee(ledger, employeeId);
  const request = { employeeId, entry };
  const answer = await caller.call(EmployeeLogService.method.putLogEntry, request, { ...badge, ...options });
  checkEntries(checks, ledger, "PutLogEntry", answer.entry ? [answer.entry] : []);
  ledger.acknowledge(ledger.entries, key, version);
};

const getLogEntry: Order = async (context) => {
  const { caller, badges, ledger, options, checks, random } = context;
  const { employeeId } = someEmployee(context);
  const badge = await badges.employee(ledger, employeeId);
  const request = { employeeId, entryId: `entry-${random.below(entryNames)}` };
  const answer = await caller.call(EmployeeLogService.method.getLogEntry, request, { ...badge, ...options });
  checkEntries(checks, ledger, "GetLogEntry", answer.entry ? [answer.entry] : []);
};

const listLogEntries: Order = async (context) => {
  const { caller, badges, ledger, options, checks } = context;
  const { employeeId } = someEmployee(context);
  const badge = await badges.employee(ledger, employeeId);
  const request = { employeeId, pageSize: 1 + context.random.below(entryNames) };
  const answer = await caller.call(EmployeeLogService.method.listLogEntries, request, { ...badge, ...options });
  checkEntries(checks, ledger, "ListLogEntries", answer.entries);
};

/** An employee of the company; the storm sees to it that there is one. */
export function someEmployee({ ledger, random }: OrderContext): LedgerEmployee {
  return random.of([...ledger.employees.values()]);
}

/** A kind of honest call, how often it is made, and how it may fail without anything being wrong. */
export interface HonestOrder {
  readonly name: string;
  readonly weight: number;
  readonly order: Order;
  readonly mayFail: readonly Code[];
}

/** The mix. */
export const honestOrders: readonly HonestOrder[] = [
  { name: "CreateEmployee", weight: 8, order: createEmployee, mayFail: [] },
  { name: "GetEmployee", weight: 10, order: getEmployee, mayFail: [] },
  { name: "ListEmployees", weight: 12, order: listEmployees, mayFail: [] },
  { name: "PutSamples", weight: 22, order: putSamples, mayFail: [] },
  { name: "ListSamples", weight: 14, order: listSamples, mayFail: [] },
  { name: "PutLogEntry", weight: 18, order: putLogEntry, mayFail: [] },
  // An entry that nobody has put yet.
  { name: "GetLogEntry", weight: 8, order: getLogEntry, mayFail: [Code.NotFound] },
  { name: "ListLogEntries", weight: 8, order: listLogEntries, mayFail: [] },
];
