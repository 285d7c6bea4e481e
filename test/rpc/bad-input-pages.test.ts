import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LogEntryType } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { as } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let ada: string;
let bob: string;
beforeAll(async () => {
  service = await startTestService();
  await service.provision("acme");
  await service.provision("globex");
  ada = await service.hire("acme");
  bob = await service.hire("acme");
  await service.hire("globex");
  await service.hire("globex");
  for (const employeeId of [ada, bob]) {
    for (const second of [1, 2, 3]) {
      const common = { startTime: at(second), utcOffsetMinutes: 0, source: "manual", version: 1n };
      const samples = ["weight", "heart_rate"].map((kind) => ({ ...common, kind, value: 70 }));
      await service.clients.metrics.putSamples({ employeeId, samples }, person(employeeId));
      const entry = { ...common, entryId: `e${second}`, detail: { case: "journal" as const, value: {} } };
      await service.clients.logs.putLogEntry({ employeeId, entry }, person(employeeId));
    }
  }
});
afterAll(() => service.close());

const at = (second: number) => timestampFromDate(new Date(Date.UTC(2026, 1, 3, 12, 0, second)));
const person = (employeeId: string) => as("employee", "acme", employeeId);

/** A page of one item of each list, by what the caller asks besides the page. */
interface Arguments {
  readonly employeeId?: string;
  readonly startTime?: ReturnType<typeof at>;
  readonly endTime?: ReturnType<typeof at>;
}
type SampleArguments = Arguments & { readonly kinds?: string[]; readonly source?: string };
type LogArguments = Arguments & { readonly types?: LogEntryType[] };
const page = (pageToken = "", pageSize = 1) => ({ pageSize, pageToken });
const lists = {
  tenants: (token?: string) => service.clients.tenants.listTenants(page(token), as("auditor")),
  employees: (token?: string, tenant = "acme") =>
    service.clients.employees.listEmployees(page(token), as("company_admin", tenant)),
  samples: (token?: string, { employeeId = ada, ...others }: SampleArguments = {}) =>
    service.clients.metrics.listSamples({ ...page(token), employeeId, ...others }, person(employeeId)),
  logs: (token?: string, { employeeId = ada, ...others }: LogArguments = {}) =>
    service.clients.logs.listLogEntries({ ...page(token), employeeId, ...others }, person(employeeId)),
};

async function expectRefused(call: Promise<unknown>): Promise<void> {
  expect(await failureOf(call)).toMatchObject({
    code: "InvalidArgument",
    reason: "PAGE_TOKEN_INVALID",
    fields: ["page_token"],
  });
}

test.each(Object.keys(lists) as (keyof typeof lists)[])("a damaged token of %s is refused", async (name) => {
  const list = lists[name];
  const { nextPageToken: token } = await list();
  expect(token).not.toBe("");
  const flipped = Buffer.from(token, "base64url");
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  const damaged = [
    ...["x", "AAAA", "\0", "🌙", "null", `${token}A`, `A${token}`, token.slice(0, -2), token.slice(4), `${token}=`],
    ...[` ${token}`, `${token}\n`, token.toUpperCase(), flipped.toString("base64url")],
  ];
  for (const wrong of damaged) await expectRefused(list(wrong));
  // The control: the token itself is good, and good again.
  await list(token);
  await list(token);
});

test("a token of one method is refused by every other", async () => {
  for (const [from, make] of Object.entries(lists)) {
    const { nextPageToken: token } = await make();
    for (const [to, use] of Object.entries(lists)) if (to !== from) await expectRefused(use(token));
  }
});

test("a token of another tenant is refused", async () => {
  const { nextPageToken: token } = await lists.employees("", "globex");
  await expectRefused(lists.employees(token, "acme"));
});

test.each(["samples", "logs"] as const)("a token of %s is refused for another employee", async (name) => {
  const { nextPageToken: token } = await lists[name]("", { employeeId: bob });
  await expectRefused(lists[name](token, { employeeId: ada }));
});

test("a token of samples is refused with other arguments", async () => {
  const asked: SampleArguments = {
    kinds: ["weight", "heart_rate"],
    startTime: at(0),
    endTime: at(9),
    source: "manual",
  };
  const { nextPageToken: token } = await lists.samples("", asked);
  for (const other of [
    { kinds: ["weight"] },
    { kinds: [] },
    { startTime: at(1) },
    { endTime: at(8) },
    { source: "fitbit" },
    { source: "" },
  ]) {
    await expectRefused(lists.samples(token, { ...asked, ...other }));
  }
  // What means the same is the same: the order of the kinds, and the case of the id.
  await lists.samples(token, { ...asked, kinds: ["heart_rate", "weight"] });
  const capitals = { ...page(token), ...asked, employeeId: ada.toUpperCase() };
  await service.clients.metrics.listSamples(capitals, person(ada));
});

test("a token of log entries is refused with other arguments, and page sizes may differ", async () => {
  const asked: LogArguments = { types: [LogEntryType.JOURNAL, LogEntryType.MOOD], startTime: at(0), endTime: at(9) };
  const { nextPageToken: token } = await lists.logs("", asked);
  for (const other of [{ types: [LogEntryType.JOURNAL] }, { types: [] }, { startTime: at(1) }, { endTime: at(8) }]) {
    await expectRefused(lists.logs(token, { ...asked, ...other }));
  }
  const rest = { ...page(token, 50), ...asked, types: [LogEntryType.MOOD, LogEntryType.JOURNAL], employeeId: ada };
  const { entries, nextPageToken } = await service.clients.logs.listLogEntries(rest, person(ada));
  expect(entries.map((entry) => entry.entryId)).toEqual(["e2", "e1"]);
  expect(nextPageToken).toBe("");
});
