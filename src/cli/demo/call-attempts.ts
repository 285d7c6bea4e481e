import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { type Attempt, allowed } from "./attempts.ts";
import type { Clients } from "./clients.ts";
import type { Person } from "./import-data.ts";

/** Two people of different companies: the one who tries, and the one who must stay out of reach. */
export interface Pair {
  readonly own: Person;
  readonly foreign: Person;
}

type Try = readonly [what: string, expected: string, call: Promise<unknown>];

const denied = "PERMISSION_DENIED ACCESS_DENIED";
const notFound = "NOT_FOUND RESOURCE_NOT_FOUND";
const tokenInvalid = "INVALID_ARGUMENT PAGE_TOKEN_INVALID";

/**
 * Tries through the API what must be refused, and beside it what must not.
 *
 * @throws ConnectError when the page tokens for it cannot be had
 */
export async function tryCalls(clients: Clients, { own, foreign }: Pair): Promise<Attempt[]> {
  const { tenants, employees, metrics, as } = clients;
  const here = own.company.tenantId;
  const there = foreign.company.tenantId;
  const me = as("employee", here, own.employeeId);
  const admin = as("company_admin", here);
  const foreignAdmin = as("company_admin", there);
  const foreignSelf = as("employee", there, foreign.employeeId);
  const theirs = { employeeId: foreign.employeeId };
  const byId = { key: { case: "employeeId", value: foreign.employeeId } } as const;
  const byExternalId = { key: { case: "externalId", value: foreign.externalId } } as const;

  const roster = { pageSize: 1, pageToken: (await employees.listEmployees({ pageSize: 1 }, admin)).nextPageToken };
  const mine = { employeeId: own.employeeId, pageSize: 1 };
  const samplesToken = (await metrics.listSamples(mine, me)).nextPageToken;
  if (!roster.pageToken || !samplesToken) {
    throw new Error(
      `There is too little data for a page token: ${here} needs two people, one of them with two samples.`,
    );
  }

  return await answers([
    [`an employee of ${there} reads the own samples`, allowed, metrics.listSamples(theirs, foreignSelf)],
    [`an employee of ${here} reads them`, denied, metrics.listSamples(theirs, me)],
    [
      `the same, under the foreign employee's id`,
      notFound,
      metrics.listSamples(theirs, as("employee", here, foreign.employeeId)),
    ],
    [
      `the same, under the own id, for ${there}`,
      notFound,
      metrics.listSamples(mine, as("employee", there, own.employeeId)),
    ],
    [`the administrator of ${there} gets that employee`, allowed, employees.getEmployee(byId, foreignAdmin)],
    [`the administrator of ${here} does, by id`, notFound, employees.getEmployee(byId, admin)],
    [`the same, by external id`, notFound, employees.getEmployee(byExternalId, admin)],
    [`the administrator of ${here} reads an own employee's samples`, denied, metrics.listSamples(mine, admin)],
    [
      `an employee of ${here} provisions a company`,
      denied,
      tenants.provisionTenant({ tenantId: "intruder", displayName: "Intruder" }, me),
    ],
    [`${here} asks for its roster's next page`, allowed, employees.listEmployees(roster, admin)],
    [`${there} does, with the same token and arguments`, tokenInvalid, employees.listEmployees(roster, foreignAdmin)],
    [
      `an employee of ${there} uses a page token of samples in ${here}`,
      tokenInvalid,
      metrics.listSamples({ ...theirs, pageSize: 1, pageToken: samplesToken }, foreignSelf),
    ],
  ]);
}

async function answers(tries: readonly Try[]): Promise<Attempt[]> {
  return await Promise.all(
    tries.map(async ([what, expected, call]) => ({
      what,
      expected,
      answered: await call.then(() => allowed, answerOf),
    })),
  );
}

/** The code as gRPC writes it, and the reason of ErrorInfo. */
function answerOf(error: unknown): string {
  const failure = ConnectError.from(error);
  const code = Code[failure.code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return `${code} ${failure.findDetails(ErrorInfoSchema)[0]?.reason ?? "without a reason"}`;
}
