import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { PostgresDriver } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, expect, vi } from "vitest";
import { inParallel } from "../../src/cli/demo/in-parallel.ts";
import { PooledDriver } from "../../src/database/pooled-driver.ts";
import { CreateEmployeeRequestSchema, EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { openGrpcJsCaller } from "../support/grpc-js.ts";
import { envelope } from "../support/wire.ts";
import { seeded } from "./storm/random.ts";
import { attackSuite } from "./support/attack.ts";
import { describeFailure, evidenceOf } from "./support/outcome.ts";
import { apiCalls, isOfPlatform } from "./wire/calls.ts";
import { type Company, tellingTexts, withSpareEmployee } from "./wire/company.ts";
import { meetDefects } from "./wire/defects.ts";
import { requestFields } from "./wire/fields.ts";
import { badValues, disposable, disturbed, outcomeOf } from "./wire/fuzz.ts";
import { failLate } from "./wire/late-failure.ts";
import { watchLogs } from "./wire/log-watch.ts";
import { type RawAnswer, rawCall } from "./wire/raw-call.ts";
import { openStage, type Stage } from "./wire/stage.ts";

// Hundreds of calls take a while on a machine that has other work.
vi.setConfig({ testTimeout: 120_000 });

let stage: Stage;
/** A, but with an employee whom the attacks may change. */
let a: Company;
beforeAll(async () => {
  stage = await openStage();
  a = await withSpareEmployee(stage.callers["grpc-js"], stage.issuer, stage.a);
});
afterAll(() => stage.close());

const { attack, control, complete } = attackSuite(() => stage);

attack({
  id: "R21",
  title: "values out of every range in every field, and bytes at random",
  expected: "told nothing",
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
          return isOfPlatform(call) && answer.outcome === "OK" ? { ...answer, told: undefined } : answer;
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
  title: "what was logged or printed while all of this ran, while a defect was met, and after a caller left",
  expected: "nothing of anybody",
  async run(attempt) {
    await meetDefects(stage, a);
    await failLate(stage.database.url, stage.b.vault, (pool) => new PooledDriver(pool));
    const planted = [a, stage.b].flatMap(tellingTexts);
    await attempt(
      "the log",
      async () => [...stage.logs.find(planted), ...stage.logs.sql()],
      (found) => (found.length === 0 ? "nothing of anybody" : found.join()),
    );
    expect(stage.logs.lines.some((line) => line.includes('"errorId"'))).toBe(true);
  },
});

control({
  id: "R26",
  without: "the log's own way of writing errors",
  effect: "found",
  async run(attempt) {
    const { admin } = stage.database;
    const watched = await watchLogs(admin);
    watched.stop();
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

control({
  id: "R26",
  without: "the driver's silence about what fails once its caller left",
  effect: "found",
  async run(attempt) {
    const watched = await watchLogs(stage.database.admin, { isPassedOn: false });
    await failLate(stage.database.url, stage.b.vault, (pool) => new PostgresDriver({ pool: pool as never }));
    watched.stop();
    await attempt(
      "what was printed",
      async () => undefined,
      () => (watched.find([stage.b.vault]).length === 1 ? "found" : "not found"),
    );
  },
});

complete();
