import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { pino } from "pino";
import { afterAll, beforeAll, expect } from "vitest";
import { inParallel } from "../../src/cli/demo/in-parallel.ts";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { CreateEmployeeRequestSchema, EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { openGrpcJsCaller } from "../support/grpc-js.ts";
import { logEntry } from "../support/samples.ts";
import { envelope } from "../support/wire.ts";
import { seeded } from "./storm/random.ts";
import { type Attempt, attackSuite } from "./support/attack.ts";
import { describeFailure, evidenceOf } from "./support/outcome.ts";
import { apiCalls } from "./wire/calls.ts";
import type { Company } from "./wire/company.ts";
import { isText, requestFields } from "./wire/fields.ts";
import { badValues, disposable, disturbed, outcomeOf } from "./wire/fuzz.ts";
import { watchLogs } from "./wire/log-watch.ts";
import { type RawAnswer, rawCall } from "./wire/raw-call.ts";
import { openStage, type Stage } from "./wire/stage.ts";
import { fateOf } from "./wire/verbatim.ts";

let stage: Stage;
/** A, but with an employee whom the attacks may change. */
let a: Company;
beforeAll(async () => {
  stage = await openStage();
  const { tenantId, badges, marker } = stage.a;
  const employee = { externalId: `spare-${marker}` };
  const hired = await stage.callers["grpc-js"].call(EmployeeService.method.createEmployee, { employee }, badges.admin);
  const employeeId = hired.employee?.employeeId ?? "";
  const person = await stage.issuer.badge("employee", tenantId, employeeId);
  a = { ...stage.a, employeeId, entryId: "spare", badges: { ...badges, person } };
});
afterAll(() => stage.close());

const { attack, control, complete } = attackSuite(() => stage);

const texts = requestFields(apiCalls).filter(isText);

async function walkTexts(attempt: Attempt, payloads: readonly string[]): Promise<void> {
  const clients = Object.values(stage.callers);
  const fates = new Map<string, Set<string>>();
  for (const [index, field] of texts.entries()) {
    const [by, reader] = [clients[index % 3], clients[(index + 1) % 3]];
    const name = `${field.call.name} ${field.path}`;
    for (const payload of payloads) {
      if (!by || !reader) continue;
      // Ids that must be new stay new.
      const text = field.path.endsWith("external_id") ? `${payload} ${index} ${payloads.indexOf(payload)}` : payload;
      await attempt(
        name,
        () => fateOf(stage, a, field, text, [by, reader]),
        ({ fate }) => {
          fates.set(name, (fates.get(name) ?? new Set()).add(fate));
          return fate === "changed" ? `changed in ${name}` : "verbatim or refused";
        },
      );
    }
  }
  const verbatim = [...fates].filter(([, found]) => found.has("verbatim")).map(([name]) => name);
  // Everything that takes free text: names and external ids of companies and employees, and what people log.
  expect(verbatim.length, verbatim.join(", ")).toBe(16);
}

attack({
  id: "R09",
  title: "SQL in every text of every request",
  expected: "verbatim or refused",
  knows: () => [stage.b.vault],
  async run(attempt) {
    await walkTexts(attempt, [
      "'; drop table employees; --",
      `x' union select note from ${stage.b.vault}.log_entries --`,
      `$1 $$; set role ${stage.b.vault}; $$ \\'; reset role; select pg_sleep(9)`,
    ]);
  },
});

attack({
  id: "R10",
  title: "NUL in every text of every request",
  expected: "refused or not looked at",
  async run(attempt) {
    const clients = Object.values(stage.callers);
    for (const [index, field] of texts.entries()) {
      for (const text of ["\0", "a\0b", "ends\0"]) {
        const by = clients[index % 3];
        if (!by) continue;
        await attempt(
          `${field.call.name} ${field.path}`,
          () => fateOf(stage, a, field, text, [by, by]),
          ({ fate }) => (fate === "refused" || fate === "ignored" ? "refused or not looked at" : fate),
        );
      }
    }
  },
});

attack({
  id: "R11",
  title: "bytes that are no UTF-8 in every text of every request",
  expected: "INVALID_ARGUMENT",
  async run(attempt) {
    const place = "PLACE";
    for (const field of texts) {
      const bytes = Buffer.from(toBinary(field.call.method.input, field.request(a, place)));
      for (const bad of ["c328414141", "eda0bd4141", "c0af414141", "41fffe4141", "414141f09f"]) {
        const sent = Buffer.from(bytes);
        Buffer.from(bad, "hex").copy(sent, bytes.indexOf(place));
        await attempt(
          `${field.call.name} ${field.path}`,
          () => rawCall(stage, field.call, envelope(sent), a.badges[field.call.badge]),
          ({ outcome }) => outcome,
        );
      }
    }
  },
});

attack({
  id: "R12",
  title: "right-to-left, zero-width and look-alike letters in every text of every request",
  expected: "verbatim or refused",
  async run(attempt) {
    await walkTexts(attempt, [
      "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
      "a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg",
      "\ufeff\u0430\u0441me e\u0301 \u00e9 \u212b \u{1f469}\u{1f3fd}\u200d\u{1f52c} \u{10ffff} \ufffe",
    ]);
  },
});

attack({
  id: "R21",
  title: "values out of every range in every field, and bytes at random",
  expected: "told nothing",
  // Stands in texts that R09 left in A's own rows.
  knows: () => [stage.b.vault],
  async run(attempt) {
    const planted = `value-${stage.a.marker}`;
    const bad = requestFields(apiCalls).flatMap((field) =>
      badValues(field, planted).map((value) => ({ field, value })),
    );
    expect(bad.length).toBeGreaterThan(300);
    const clients = Object.entries(stage.callers);
    const words = /\b(select|insert|update|delete|relation|constraint|column|syntax|pg_\w+|v_[0-9a-f]{16})\b/i;
    const judge = ({ outcome, told }: RawAnswer): string => {
      const text = evidenceOf(told);
      if (["INTERNAL", "UNKNOWN", "DATA_LOSS"].includes(outcome)) return outcome;
      if (outcome === "OK") return "told nothing";
      return text.includes(planted) || words.test(text) ? `told ${text}` : "told nothing";
    };
    await inParallel([...bad.entries()], 8, async ([index, { field, value }]) => {
      // JSON has no form for a time that there is not.
      const possible = field.path.includes("_time.") ? clients.slice(0, 2) : clients;
      const [name, caller] = possible[index % possible.length] ?? [];
      if (!name || !caller) return;
      const what = `${field.call.name} ${field.path} by ${name}`;
      await attempt(what, async () => await outcomeOf(stage, caller, field, a, value), judge);
    });
    const random = seeded(21);
    const noise = apiCalls.flatMap((call) => {
      const bytes = toBinary(call.method.input, call.request(disposable(call, a)));
      return Array.from({ length: 12 }, () => ({ call, bytes: disturbed(bytes, random) }));
    });
    await inParallel(noise, 8, async ({ call, bytes }) => {
      await attempt(
        `${call.name} with bytes at random`,
        async () => {
          const answer = await rawCall(stage, call, envelope(bytes), a.badges[call.badge]);
          // What the platform's operator is told of companies is no attack.
          return call.badge === "operator" && answer.outcome === "OK" ? { ...answer, told: undefined } : answer;
        },
        judge,
      );
    });
  },
});

attack({
  id: "R22",
  title: "a message of 4 MiB and one byte, plain and unpacked from less",
  expected: "RESOURCE_EXHAUSTED",
  async run(attempt) {
    const limit = 4 * 1_024 * 1_024;
    const empty = toBinary(CreateEmployeeRequestSchema, create(CreateEmployeeRequestSchema)).byteLength;
    // A tag of one byte and a length of four stand before a text of this size.
    const requestOf = (size: number) => ({ requestId: "r".repeat(size - empty - 5) });
    const { createEmployee } = EmployeeService.method;
    const packed = openGrpcJsCaller(stage.address, { gzip: true });
    const clients = { ...stage.callers, "grpc-js with gzip": packed };
    for (const [name, caller] of Object.entries(clients)) {
      const send = (size: number) => stage.noted(caller.call(createEmployee, requestOf(size), a.badges.admin));
      await attempt(name, () => send(limit + 1));
      if (!name.endsWith("JSON")) expect(await send(limit).catch(describeFailure)).toBe("INVALID_ARGUMENT");
    }
    packed.close();
    const call = apiCalls.find(({ name }) => name === "CreateEmployee");
    if (!call) throw new Error("unreachable: R01 checks that every method is there");
    const bytes = gzipSync(Buffer.alloc(64 * 1_024 * 1_024));
    const bomb = envelope({ data: bytes, flags: 1 });
    await attempt(
      "64 MiB in little",
      () => rawCall(stage, call, bomb, a.badges.admin, { "grpc-encoding": "gzip" }),
      ({ outcome }) => outcome,
    );
  },
});

attack({
  id: "R26",
  title: "what was logged while all of this ran, and while a defect was met",
  expected: "nothing of anybody",
  async run(attempt) {
    await meetDefects(a);
    const { b } = stage;
    const planted = [a, b].flatMap(({ marker, valueText, vault, companyId, employeeId }) => [
      ...[marker, valueText, vault, companyId, employeeId],
    ]);
    const tokens = Object.values(a.badges).map(({ headers }) => headers["authorization"]?.slice(7) ?? "");
    await attempt(
      "the log",
      async () => ({
        lines: stage.logs.lines.length,
        found: stage.logs.find([...planted, ...tokens]),
        sql: sqlIn(stage.logs),
      }),
      ({ found, sql }) => (found.length + sql.length === 0 ? "nothing of anybody" : JSON.stringify({ found, sql })),
    );
    expect(stage.logs.lines.some((line) => line.includes('"errorId"'))).toBe(true);
  },
});

control({
  id: "R09",
  without: "bound parameters and the vault's role",
  effect: "reads B",
  knows: () => [stage.b.vault],
  async run(attempt) {
    const text = `x' union select note from ${stage.b.vault}.log_entries --`;
    await attempt("the text in the statement", async () => {
      const { admin } = stage.database;
      const { rows } = await admin.query(`select team from ${stage.a.vault}.employees where external_id = '${text}'`);
      return rows;
    });
  },
});

control({
  id: "R26",
  without: "the log's own way of writing errors",
  effect: "found",
  async run(attempt) {
    const { admin } = stage.database;
    const watched = await watchLogs(admin);
    const plain = pino({ level: "trace" }, { write: watched.write });
    const { vault, externalId, marker } = stage.b;
    const again = `insert into ${vault}.employees (employee_no, employee_id, external_id) values (9, gen_random_uuid(), $1)`;
    const error = await admin.query(again, [externalId]).catch((reason: unknown) => reason);
    plain.error({ err: error }, "a call failed in a way it should not");
    await attempt(
      "the log",
      async () => undefined,
      () => (watched.find([marker, vault]).length === 2 ? "found" : "not found"),
    );
  },
});

/** Has calls of A fail as they should not, with values on their way, once by each way that statements go. */
async function meetDefects({ vault, employeeId, badges, marker }: Company): Promise<void> {
  const { admin } = stage.database;
  const caller = stage.callers["grpc-js"];
  const put = (version: bigint) => {
    const entry = logEntry({ entryId: `defect-${version}-${marker}`, note: `note-${marker}`, version });
    return caller.call(EmployeeLogService.method.putLogEntry, { employeeId, entry }, badges.person);
  };
  const hire = () =>
    caller.call(EmployeeService.method.createEmployee, { employee: { externalId: `late-${marker}` } }, badges.admin);
  await admin.query(`revoke insert on ${vault}.log_entries, ${vault}.employees from ${vault}`);
  expect(await put(1n).catch(describeFailure)).toBe("INTERNAL");
  expect(await hire().catch(describeFailure)).toBe("INTERNAL");
  await admin.query(`grant insert on ${vault}.log_entries, ${vault}.employees to ${vault}`);
  // Errors of the database that hold the row in their details.
  await admin.query(
    `alter table ${vault}.log_entries add constraint spoilt exclude (note with =) where (version > 70);
     create unique index spoilt_too on ${vault}.employees (company_id) where external_id like 'late-%';
     insert into ${vault}.employees (employee_no, employee_id, external_id) values (999, gen_random_uuid(), 'late-')`,
  );
  await put(71n);
  expect(await put(72n).catch(describeFailure)).toBe("INTERNAL");
  expect(await hire().catch(describeFailure)).toBe("INTERNAL");
}

/** Lines of the services' log that hold SQL. */
function sqlIn({ lines }: Stage["logs"]): string[] {
  return lines.filter((line) =>
    /\b(insert into|delete from|set_config|set role|select .*? from|update \S+ set)\b/i.test(line),
  );
}

complete();
