import { type CallOptions, Code } from "@connectrpc/connect";
import { EmployeeLogService } from "../../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../../src/gen/wellvault/v1/metric_service_pb.ts";
import type { Ledger } from "./ledger.ts";
import { type OrderContext, someEmployee } from "./orders.ts";

/** A call that has to be refused: for another company's rows, or with something else wrong. */
export interface WrongOrder {
  readonly name: string;
  /** What it must end with. */
  readonly code: Code;
  /** Makes the call for the company, with what it found out of another one. */
  readonly run: (context: OrderContext, other: Ledger) => Promise<unknown>;
}

function withTenant(badge: CallOptions, tenantId: string): CallOptions {
  return { ...badge, headers: { ...Object.fromEntries(new Headers(badge.headers)), "x-tenant-id": tenantId } };
}

/** One of the other company's employees; it has one as soon as the storm calls for it. */
function victim(context: OrderContext, other: Ledger): string {
  return someEmployee({ ...context, ledger: other }).employeeId;
}

/** The calls that have to be refused. */
export const wrongOrders: readonly WrongOrder[] = [
  {
    name: "another company's employee by id",
    code: Code.NotFound,
    async run({ caller, badges, ledger, options, ...rest }, other) {
      const value = victim({ caller, badges, ledger, options, ...rest }, other);
      const request = { key: { case: "employeeId" as const, value } };
      const badge = await badges.admin(ledger);
      return await caller.call(EmployeeService.method.getEmployee, request, { ...badge, ...options });
    },
  },
  {
    name: "another company's samples by the employee's id",
    code: Code.NotFound,
    async run(context, other) {
      const employeeId = victim(context, other);
      const badge = await context.badges.employee(context.ledger, employeeId);
      const options = { ...badge, ...context.options };
      return await context.caller.call(MetricService.method.listSamples, { employeeId }, options);
    },
  },
  {
    name: "another company's entry by the employee's id",
    code: Code.NotFound,
    async run(context, other) {
      const employeeId = victim(context, other);
      const badge = await context.badges.employee(context.ledger, employeeId);
      const request = { employeeId, entryId: "entry-1" };
      return await context.caller.call(EmployeeLogService.method.getLogEntry, request, {
        ...badge,
        ...context.options,
      });
    },
  },
  {
    name: "samples for another company's employee",
    code: Code.NotFound,
    async run(context, other) {
      const sample = { kind: "heart_rate", startTime: { seconds: 9n, nanos: 0 }, utcOffsetMinutes: 0, value: 250 };
      const samples = [{ ...sample, source: context.ledger.stamp, version: 99n }];
      const request = { employeeId: victim(context, other), samples };
      const badge = await context.badges.ingest(context.ledger);
      return await context.caller.call(MetricService.method.putSamples, request, { ...badge, ...context.options });
    },
  },
  {
    name: "another company named in the metadata",
    code: Code.PermissionDenied,
    async run({ caller, badges, ledger, options }, other) {
      const badge = withTenant(await badges.admin(ledger), other.tenantId);
      return await caller.call(EmployeeService.method.listEmployees, {}, { ...badge, ...options });
    },
  },
  {
    name: "another company's page token",
    code: Code.InvalidArgument,
    async run({ caller, badges, ledger, options }, other) {
      const badge = await badges.admin(ledger);
      // Before anybody has turned a page there is none: what looks like a token is refused, too.
      const pageToken = other.pageToken || "AAAA";
      return await caller.call(EmployeeService.method.listEmployees, { pageToken }, { ...badge, ...options });
    },
  },
  {
    name: "an external id that is taken",
    code: Code.AlreadyExists,
    async run(context) {
      const { externalId } = someEmployee(context);
      const badge = await context.badges.admin(context.ledger);
      const request = { employee: { externalId } };
      return await context.caller.call(EmployeeService.method.createEmployee, request, {
        ...badge,
        ...context.options,
      });
    },
  },
  {
    name: "a request that breaks its rules",
    code: Code.InvalidArgument,
    async run({ caller, badges, ledger, options }) {
      const request = { employee: { externalId: "" } };
      const badge = await badges.admin(ledger);
      return await caller.call(EmployeeService.method.createEmployee, request, { ...badge, ...options });
    },
  },
  {
    name: "a role that may not",
    code: Code.PermissionDenied,
    async run(context) {
      const { employeeId } = someEmployee(context);
      const badge = await context.badges.admin(context.ledger);
      return await context.caller.call(
        MetricService.method.listSamples,
        { employeeId },
        {
          ...badge,
          ...context.options,
        },
      );
    },
  },
  {
    name: "no credential",
    code: Code.Unauthenticated,
    run: ({ caller, options }) => caller.call(EmployeeService.method.listEmployees, {}, options),
  },
];
