import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LogEntry } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { as, type Clients, openClients } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { openWire } from "../support/wire.ts";

let service: TestService;
let clients: Clients;
beforeAll(async () => {
  service = await startTestService();
  clients = openClients(service.address, "connect");
  await service.provision("acme");
});
afterAll(async () => {
  clients.close();
  await service.close();
});

const admin = as("company_admin", "acme");

/** Text that has broken somebody's system. */
const texts = [
  ["a quote", "O'Brien"],
  ["a statement after a quote", "'; drop table employees; --"],
  ["a condition", "' or '1'='1"],
  ["a comment", "x'/**/;--"],
  ["dollar quotes", "$$; select 1; $$ $1 $2 $v$"],
  ["a backslash and a quote", "\\'; select pg_sleep(10); --"],
  ["a Unicode escape", "U&'\\0027' \\u0027 \\x27 %27 &#39;"],
  ["placeholders", "? :name {0} %s {{x}} @p1 ??"],
  ["identifiers", '"employees".* "v_0123456789abcdef" public.*'],
  ["a role change", "reset role; set search_path to public"],
  ["a copy to a program", "x'); copy employees to program 'id'; --"],
  ["JSON", '{"a": ["b", null]} \\" \\\\ \\n'],
  ["arrays of PostgreSQL", '{1,2,"x"} {NULL} NULL null'],
  ["markup", "<script>alert(1)</script> &amp; ]]>"],
  ["right-to-left", "\u202eevil\u202c שלום مرحبا"],
  ["zero-width characters", "a\u200bb\u200cc\u200dd\ufeffe\u2060"],
  ["a byte-order mark first", "\ufeffname"],
  ["emoji with modifiers", "👩🏽‍🔬🏳️‍🌈🇩🇪👨‍👩‍👧‍👦"],
  ["letters beyond the first plane", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠜎 \u{10ffff}"],
  ["two spellings of one letter", "é e\u0301 Å \u212b"],
  ["control characters", "\u0001\u0007\b\t\n\u000b\f\r\u001b\u007f\u0085\u2028\u2029"],
  ["private and unassigned characters", "\ue000 \ufffd \ufffe \uffff"],
  ["spaces around", "  a  b  "],
  ["line ends", "a\r\nb\rc\n"],
] as const;

test.each(texts)("%s comes back to the letter from every text field", async (name, text) => {
  const { employee } = await clients.employees.createEmployee(
    { employee: { externalId: text, displayName: text, team: text, location: text } },
    admin,
  );
  const employeeId = employee?.employeeId ?? "";
  const byExternalId = { key: { case: "externalId" as const, value: text } };
  const found = (await service.clients.employees.getEmployee(byExternalId, admin)).employee;
  expect(found).toMatchObject({ employeeId, externalId: text, displayName: text, team: text, location: text });
  const changed = { employeeId, employee: { team: `${text}!` }, updateMask: { paths: ["team"] } };
  expect((await clients.employees.updateEmployee(changed, admin)).employee?.team).toBe(`${text}!`);

  const person = as("employee", "acme", employeeId);
  const details: LogEntry["detail"][] = [
    { case: "journal", value: { $typeName: "wellvault.v1.Journal", title: text } },
    { case: "mood", value: { $typeName: "wellvault.v1.Mood", valence: -2.5, labels: [text, text.toUpperCase()] } },
    { case: "activity", value: { $typeName: "wellvault.v1.Activity", activityName: text } },
    { case: "nutrition", value: { $typeName: "wellvault.v1.Nutrition", mealName: text } },
    { case: "symptom", value: { $typeName: "wellvault.v1.Symptom", symptomName: text } },
  ];
  const times = { startTime: timestampFromDate(new Date("2026-02-03T12:00:00Z")), utcOffsetMinutes: 0 };
  const entries = details.map((detail) => {
    return { ...times, entryId: String(detail.case), source: "manual", version: 1n, note: text, detail };
  });
  for (const entry of entries) await clients.logs.putLogEntry({ employeeId, entry }, person);
  const list = await service.clients.logs.listLogEntries({ employeeId }, person);
  expect(list.entries.length).toBe(entries.length);
  for (const entry of entries) {
    expect(list.entries.find((one) => one.entryId === entry.entryId)).toMatchObject(entry);
  }

  const company = { tenantId: `t${name.replaceAll(/\W/g, "")}`.toLowerCase(), displayName: text, externalId: text };
  await clients.tenants.provisionTenant(company, as("platform_operator"));
  const { tenant } = await service.clients.tenants.getTenant({ tenantId: company.tenantId }, as("auditor"));
  expect(tenant).toMatchObject(company);
});

test("an external id that is taken is named to the letter, and what is missing too", async () => {
  for (const [, text] of texts) {
    const taken = await failureOf(clients.employees.createEmployee({ employee: { externalId: text } }, admin));
    expect(taken).toMatchObject({ code: "AlreadyExists", resource: { name: text } });
    const missing = { key: { case: "externalId" as const, value: `${text}?` } };
    const failure = await failureOf(service.clients.employees.getEmployee(missing, admin));
    expect(failure.resource?.name).toBe(`${text}?`);
  }
});

test.each([
  ["ASCII", "n"],
  ["two bytes", "ñ"],
  ["three bytes", "界"],
  ["two UTF-16 units", "🌙"],
])("limits count Unicode characters: %s", async (_, letter) => {
  const employee = { externalId: letter.repeat(128), displayName: letter.repeat(200) };
  const employeeId = (await clients.employees.createEmployee({ employee }, admin)).employee?.employeeId ?? "";
  const entry = {
    entryId: "e".repeat(64),
    startTime: timestampFromDate(new Date("2026-02-03T12:00:00Z")),
    utcOffsetMinutes: 0,
    source: "manual",
    version: 1n,
    note: letter.repeat(4_000),
    detail: { case: "journal" as const, value: { title: letter.repeat(200) } },
  };
  const person = as("employee", "acme", employeeId);
  expect((await clients.logs.putLogEntry({ employeeId, entry }, person)).entry).toMatchObject(entry);
  const longer = { ...entry, version: 2n, note: letter.repeat(4_001) };
  expect((await failureOf(clients.logs.putLogEntry({ employeeId, entry: longer }, person))).fields).toEqual([
    "entry.note",
  ]);
});

test.each([
  ["half of a pair", String.raw`"a\ud83d"`],
  ["the other half", String.raw`"\ude00b"`],
  ["the halves in the wrong order", String.raw`"\ude00\ud83d"`],
])("JSON text with %s of surrogates is refused, for it could not come back", async (_, json) => {
  const wire = await openWire(service.address);
  const headers = { ...admin.headers, "content-type": "application/json" };
  const body = Buffer.from(`{"employee": {"externalId": "S-1", "team": ${json}}}`);
  const response = await wire.send("/wellvault.v1.EmployeeService/CreateEmployee", headers, body);
  wire.close();
  expect(response.body.toString()).toContain("invalid_argument");
});
