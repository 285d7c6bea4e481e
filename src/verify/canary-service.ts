import { type DescMessage, type MessageShape, toJsonString } from "@bufbuild/protobuf";
import { type CallOptions, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  EmployeeLogService,
  GetLogEntryResponseSchema,
  ListLogEntriesResponseSchema,
} from "../gen/wellvault/v1/employee_log_service_pb.ts";
import {
  EmployeeService,
  GetEmployeeResponseSchema,
  ListEmployeesResponseSchema,
} from "../gen/wellvault/v1/employee_service_pb.ts";
import {
  AggregateSamplesResponseSchema,
  ListSamplesResponseSchema,
  MetricService,
} from "../gen/wellvault/v1/metric_service_pb.ts";
import { CalendarPeriod } from "../gen/wellvault/v1/metric_statistics_pb.ts";
import { type ExportEmployeeResponse, PrivacyService } from "../gen/wellvault/v1/privacy_service_pb.ts";
import type { TenantEntry } from "../tenancy/tenant.ts";
import { canaryMarks } from "./canary.ts";
import { type CheckInfo, type CheckResult, doneCheck, type Finding, notRun } from "./check.ts";

/** Who a call of the verification is made as. */
export interface Caller {
  readonly role: "employee" | "coach" | "company_admin" | "ingest_service";
  readonly tenantId: string;
  /** For the role employee. */
  readonly employeeId?: string;
}

/** A way to call the service as any tenant. */
export interface ServiceAccess {
  /** Told in the report. */
  readonly way: string;
  readonly transport: Transport;
  /** What a call carries to be made as the caller. */
  readonly as: (caller: Caller) => CallOptions;
}

/** The check of {@link checkCanaryByService}. */
export const canaryServiceCheck: CheckInfo = {
  id: "canary-service",
  title: "The service shows no row of the canary to any other tenant, whatever its caller asks for",
  remedy:
    "A call for the tenant that is told was answered with a row of another company. Stop the service: this is a defect in it, for the database let it through or was not asked.",
  severity: "finding",
};

/**
 * Asks the service for the canary's rows, by its ids and by lists, as every role that may read and as each of
 * the tenants; and, so that the check could fail, as the canary itself.
 */
export async function checkCanaryByService(
  access: ServiceAccess,
  canary: TenantEntry,
  tenantIds: readonly string[],
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress: (done: number, of: number) => void },
): Promise<CheckResult> {
  const startedAt = performance.now();
  const how = { description: `calls of the service: ${access.way}` };
  try {
    const marks = canaryMarks(canary.companyId);
    const employees = createClient(EmployeeService, access.transport);
    const asAdmin = access.as({ role: "company_admin", tenantId: canary.tenantId });
    const key = { case: "externalId", value: marks.externalId } as const;
    const { employee } = await employees.getEmployee({ key }, asAdmin);
    const employeeId = employee?.employeeId ?? "";
    const secrets = [employeeId, marks.externalId, marks.note];
    const isShown = (answer: string, { mark }: Question) =>
      [...secrets, marks.source, ...(mark ? [mark] : [])].some((one) => answer.includes(one));
    const findings: Finding[] = [];
    let calls = 0;

    // The control: every question is answered with a mark when the canary itself asks.
    for (const question of questions(access, canary.tenantId, employeeId, canary)) {
      calls++;
      const answer = await question.ask();
      if (!isShown(answer, question)) {
        findings.push({
          tenantId: canary.tenantId,
          object: question.name,
          problem: "does not show the canary to itself",
        });
      }
    }
    for (const [index, tenantId] of tenantIds.entries()) {
      signal?.throwIfAborted();
      for (const question of questions(access, tenantId, employeeId, canary)) {
        calls++;
        const problem = await question.ask().then(
          (answer) => {
            if (isShown(answer, question)) return "was answered with a row of the canary";
            return question.mustFail ? "was answered, and should have been refused" : undefined;
          },
          (error: unknown) => unexpected(error),
        );
        if (problem) findings.push({ tenantId, object: question.name, problem });
      }
      onProgress(index + 1, tenantIds.length);
    }
    return doneCheck(canaryServiceCheck, how, { examined: calls, startedAt, findings });
  } catch (error) {
    signal?.throwIfAborted();
    return notRun(canaryServiceCheck, how, startedAt, error);
  }
}

interface Question {
  readonly name: string;
  /** Whether there is nothing that it could be answered with. */
  readonly mustFail: boolean;
  /** What its answer holds when it shows the canary, besides the canary's ids and texts. */
  readonly mark?: string;
  /** Returns the answer as JSON. */
  readonly ask: () => Promise<string>;
}

function questions(access: ServiceAccess, tenantId: string, employeeId: string, canary: TenantEntry): Question[] {
  const { externalId, entryId } = canaryMarks(canary.companyId);
  const employees = createClient(EmployeeService, access.transport);
  const logs = createClient(EmployeeLogService, access.transport);
  const metrics = createClient(MetricService, access.transport);
  const privacy = createClient(PrivacyService, access.transport);
  const roster = (["company_admin", "coach", "ingest_service"] as const).flatMap((role): Question[] => {
    const as = access.as({ role, tenantId });
    const get = (key: { case: "employeeId" | "externalId"; value: string }) =>
      json(GetEmployeeResponseSchema, employees.getEmployee({ key }, as));
    return [
      {
        name: `GetEmployee by employee_id as ${role}`,
        mustFail: true,
        ask: () => get({ case: "employeeId", value: employeeId }),
      },
      {
        name: `GetEmployee by external_id as ${role}`,
        mustFail: true,
        ask: () => get({ case: "externalId", value: externalId }),
      },
      {
        name: `ListEmployees as ${role}`,
        mustFail: false,
        ask: () => json(ListEmployeesResponseSchema, employees.listEmployees({ pageSize: 1_000 }, as)),
      },
    ];
  });
  const own = access.as({ role: "employee", tenantId, employeeId });
  return [
    ...roster,
    {
      name: "GetLogEntry as employee",
      mustFail: true,
      ask: () => json(GetLogEntryResponseSchema, logs.getLogEntry({ employeeId, entryId }, own)),
    },
    {
      name: "ListLogEntries as employee",
      mustFail: true,
      ask: () => json(ListLogEntriesResponseSchema, logs.listLogEntries({ employeeId }, own)),
    },
    {
      name: "ListSamples as employee",
      mustFail: true,
      ask: () => json(ListSamplesResponseSchema, metrics.listSamples({ employeeId }, own)),
    },
    {
      name: "AggregateSamples as employee",
      mustFail: true,
      // A sum names nobody: that there is a bucket at all shows the canary.
      mark: '"kind":"heart_rate"',
      ask: () => {
        const range = { startDate: "2024-01-01", endDate: "2024-01-02", period: CalendarPeriod.DAY };
        const request = { employeeId, kinds: ["heart_rate"], ...range };
        return json(AggregateSamplesResponseSchema, metrics.aggregateSamples(request, own));
      },
    },
    {
      name: "ExportEmployee as employee",
      mustFail: true,
      ask: () => text(privacy.exportEmployee({ employeeId }, own)),
    },
  ];
}

/** The records of an export. */
async function text(stream: AsyncIterable<ExportEmployeeResponse>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const { content } of stream) if (content.case === "part") parts.push(content.value.data);
  return Buffer.concat(parts).toString();
}

async function json<D extends DescMessage>(schema: D, answer: Promise<MessageShape<D>>): Promise<string> {
  return toJsonString(schema, await answer);
}

/** A tenant that is suspended is refused as a whole, which is as good. */
function unexpected(error: unknown): string | undefined {
  const { code, rawMessage } = ConnectError.from(error);
  if (code === Code.NotFound || code === Code.PermissionDenied) return undefined;
  return `failed in another way than NOT_FOUND: ${Code[code]}: ${rawMessage}`;
}
