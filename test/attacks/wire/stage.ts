import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { type Logger, pino } from "pino";
import { expect } from "vitest";
import { type Config, readConfig } from "../../../src/config.ts";
import { EmployeeService } from "../../../src/gen/wellvault/v1/employee_service_pb.ts";
import type { IdentitySettings } from "../../../src/identity/identity-settings.ts";
import { type Service, startService } from "../../../src/service.ts";
import { logOptions } from "../../../src/telemetry/log.ts";
import { type Caller, openCaller } from "../../support/callers.ts";
import { createMigratedDatabase, type TestDatabase } from "../../support/database.ts";
import { type CallFailure, failureFrom } from "../../support/errors.ts";
import { fingerprint } from "../../support/fingerprint.ts";
import { openGrpcJsCaller } from "../../support/grpc-js.ts";
import { openWire, type Wire } from "../../support/wire.ts";
import { takeFingerprint, type Witness } from "../support/witness.ts";
import type { ApiCall, StreamMethod } from "./calls.ts";
import { type Company, settle, tellingTexts } from "./company.ts";
import { type Badge, type Issuer, openIssuer } from "./issuer.ts";
import { type LogWatch, watchLogs } from "./log-watch.ts";

/** A real service that believes tokens, with two companies full of rows: A attacks, B is the victim. */
export interface Stage extends Witness {
  readonly address: string;
  readonly database: TestDatabase;
  readonly issuer: Issuer;
  readonly a: Company;
  readonly b: Company;
  /** The clients that attacks go through, by name. */
  readonly callers: Readonly<Record<"grpc-js" | "connect-node gRPC" | "connect-node JSON", Caller>>;
  /** A bare HTTP/2 connection. */
  readonly wire: Wire;
  /** Everything that the services logged, at the level trace. */
  readonly logs: LogWatch;
  /** What every failed call was told. */
  readonly failures: readonly CallFailure[];
  /** Makes a call by one of the clients; of a stream, hears all of it. A failure keeps what its details told, for the search. */
  call(by: Caller, call: ApiCall, request: object, badge: Badge | undefined): Promise<unknown>;
  /** Notes what a failed call was told, and throws it on. */
  noted<T>(call: Promise<T>): Promise<T>;
  /** Provisions another company through the API. */
  settle(name: string): Promise<Company>;
  /** Starts another service over the same database, whose log is kept with the first one's. */
  startAnother(config?: Partial<Config>, identity?: IdentitySettings): Promise<Service>;
  close(): Promise<void>;
}

/** Starts a stage with a database of its own. */
export async function openStage(config: Partial<Config> = {}): Promise<Stage> {
  const database = await createMigratedDatabase();
  const issuer = await openIssuer();
  const logs = await watchLogs(database.admin);
  const log: Logger = pino({ ...logOptions, level: "trace" }, { write: logs.write });
  const others: Service[] = [];
  const start = (over: Partial<Config> = {}, identity: IdentitySettings = issuer.settings) =>
    startService({
      config: { ...readConfig({ WELLVAULT_PORT: "0" }), ...config, ...over },
      identity,
      databaseUrl: database.url,
      log,
    });
  const service = await start();
  const { address } = service;
  const callers = {
    "grpc-js": openGrpcJsCaller(address),
    "connect-node gRPC": openCaller(address, "grpc"),
    "connect-node JSON": openCaller(address, "connect"),
  };
  const wire = await openWire(address);
  const companies: Company[] = [];
  const settleHere = async (name: string): Promise<Company> => {
    const company = await settle(callers["grpc-js"], issuer, database.admin, name);
    companies.push(company);
    return company;
  };
  const a = await settleHere("alpha");
  const b = await settleHere("bravo");
  const failures: CallFailure[] = [];

  // Streams go through one client: the others have no common way to call them.
  const transport = createGrpcTransport({ baseUrl: address });
  const heard = async (method: StreamMethod, request: object, badge: Badge | undefined) => {
    const message = createAsyncIterable([create(method.input, request as never)]);
    const response = await transport.stream(method, undefined, undefined, badge?.headers, message as never);
    return await Array.fromAsync(response.message);
  };

  const noted = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      if (error instanceof ConnectError) {
        const told = failureFrom(error);
        failures.push(told);
        Object.assign(error, { told });
      }
      throw error;
    }
  };

  return {
    address,
    database,
    issuer,
    a,
    b,
    callers,
    wire,
    logs,
    failures,
    noted,
    secrets: [b.marker, b.valueText, b.vault, b.companyId, a.vault, a.companyId],
    call: (by, { method }, request, badge) =>
      noted<unknown>(
        method.methodKind === "unary" ? by.call(method, request as never, badge) : heard(method, request, badge),
      ),
    settle: settleHere,
    async startAnother(over, identity) {
      const another = await start(over, identity);
      others.push(another);
      return another;
    },
    async fingerprint() {
      const taken = await takeFingerprint(database.admin, [b.vault]);
      const { rows } = await database.admin.query<{ row: string }>(
        "select c::text as row from control.companies as c where c.company_id = $1",
        [b.companyId],
      );
      const own = taken.rows.split("\n").filter((line) => line.startsWith(b.vault));
      expect(own.length).toBe(6);
      return {
        rows: [...own, ...rows.map(({ row }) => row)].join("\n"),
        catalogue: (await fingerprint(database.admin, b.vault)).join("\n"),
      };
    },
    async aftermath() {
      for (const { badges, marker } of [b, a]) {
        const { employees } = await callers["grpc-js"].call(EmployeeService.method.listEmployees, {}, badges.admin);
        expect(employees[0]?.displayName, "the first of the roster afterwards").toBe(`name-${marker}`);
      }
      // Nothing that was sent so far is a defect, and what is logged tells nothing of anybody.
      for (const { code, message } of failures)
        expect(["Internal", "Unknown", "DataLoss"], message).not.toContain(code);
    },
    async close() {
      for (const caller of Object.values(callers)) caller.close();
      wire.close();
      for (const other of others) await other.stop();
      await service.stop();
      logs.stop();
      // Whatever was done to it, the log tells nothing of anybody.
      expect(logs.find(companies.flatMap(tellingTexts))).toEqual([]);
      expect(logs.sql()).toEqual([]);
      await issuer.close();
      await database.drop();
    },
  };
}
