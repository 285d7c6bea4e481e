/**
 * Connect and MikroORM as their documentation shows: an adapter on Node's HTTP/2 server, and for each call a fork of
 * the entity manager with the tenant's schema and role, in which a transaction runs.
 */
import { createServer } from "node:http2";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type EntityManager, type InferEntity, MikroORM } from "@mikro-orm/postgresql";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import type { Mood } from "../../src/gen/wellvault/v1/log_entry_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { WriteOutcome } from "../../src/gen/wellvault/v1/write_outcome_pb.ts";
import { serveAsOrdered } from "../contestants/server-process.ts";
import { Employee, LogEntry, Sample, SampleSource } from "./entities.ts";
import { heartRate, moodType } from "./rows.ts";

serveAsOrdered(async ({ databaseUrl }) => {
  const orm = await MikroORM.init({
    clientUrl: databaseUrl,
    entities: [Employee, LogEntry, Sample, SampleSource],
    pool: { min: 0, max: 10, idleTimeoutMillis: 600_000 },
    sessionContext: "transaction",
    forceUtcTimezone: true,
    ensureDatabase: false,
    debug: false,
  });
  const tenants: { tenant_id: string; schema_name: string }[] = await orm.em
    .getConnection()
    .execute("select * from public.tenants");
  const schemas = new Map(tenants.map((row) => [row.tenant_id, row.schema_name]));

  /** Runs a call's work in a transaction of its tenant, for its caller's own data. */
  async function asTenant<T>(
    { requestHeader }: HandlerContext,
    employeeId: string,
    work: (em: EntityManager, employeeNo: number) => Promise<T>,
  ): Promise<T> {
    const schema = schemas.get(requestHeader.get("x-tenant-id") ?? "");
    if (!schema || requestHeader.get("x-employee-id") !== employeeId) {
      throw new ConnectError("not the caller's data", Code.PermissionDenied);
    }
    const em = orm.em.fork({ schema, session: { role: schema, variables: { search_path: schema } } });
    return await em.transactional(async (transaction) => {
      const employee = await transaction.findOne(Employee, { employeeId, deleteTime: null });
      if (!employee) throw new ConnectError("no such employee", Code.NotFound);
      return await work(transaction as EntityManager, employee.employeeNo);
    });
  }

  function routes(router: ConnectRouter): void {
    router.service(EmployeeLogService, {
      putLogEntry: ({ employeeId, entry }, context) =>
        asTenant(context, employeeId, async (em, employeeNo) => {
          if (!entry?.startTime || entry.detail.case !== "mood") throw new ConnectError("no mood", Code.Unimplemented);
          const { entryId, utcOffsetMinutes = 0, source, version, note, detail } = entry;
          const { valence, labels } = detail.value;
          const stored = await em.upsert(LogEntry, {
            ...{ employeeNo, entryId, type: moodType, utcOffsetMinutes, source, version: Number(version), note },
            startTime: timestampDate(entry.startTime),
            detail: { valence, labels },
          });
          return { entry: toMessage(stored), outcome: WriteOutcome.INSERTED };
        }),

      listLogEntries: ({ employeeId, pageSize }, context) =>
        asTenant(context, employeeId, async (em, employeeNo) => {
          const rows = await em.find(
            LogEntry,
            { employeeNo, deleteTime: null },
            { orderBy: { startTime: "desc", entryId: "desc" }, limit: pageSize + 1 },
          );
          const page = rows.slice(0, pageSize);
          const last = rows.length > pageSize ? page.at(-1) : undefined;
          const token = last ? JSON.stringify([last.startTime, last.entryId]) : "";
          return { entries: page.map(toMessage), nextPageToken: Buffer.from(token).toString("base64url") };
        }),
    });
    router.service(MetricService, {
      putSamples: ({ employeeId, samples }, context) =>
        asTenant(context, employeeId, async (em, employeeNo) => {
          const sources = await em.find(SampleSource, { slug: samples.map(({ source }) => source), daily: false });
          const numbers = new Map(sources.map((source) => [source.slug, source.sourceNo]));
          // Not upsertMany, which reads every row back into entities and takes longer still.
          await em.insertMany(
            Sample,
            samples.map(({ startTime, value, version, utcOffsetMinutes = 0, recordingMethod, source }) => ({
              ...{ employeeNo, kind: heartRate, value, version: Number(version), utcOffsetMinutes, recordingMethod },
              ...{ startTime: startTime ? timestampDate(startTime) : new Date(), endSeconds: 0 },
              sourceNo: numbers.get(source) ?? 0,
            })),
          );
          return { insertedCount: samples.length };
        }),
    });
  }

  // The same windows as Wellvault's, so that a batch does not wait for them.
  const settings = { maxConcurrentStreams: 256, initialWindowSize: 1_024 * 1_024 };
  const server = createServer({ settings }, connectNodeAdapter({ routes }));
  server.on("session", (session) => session.setLocalWindowSize(4 * 1_024 * 1_024));
  return await new Promise((done) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      done(typeof address === "object" && address ? address.port : 0);
    });
  });
});

function toMessage(row: InferEntity<typeof LogEntry>) {
  const { entryId, startTime, utcOffsetMinutes, source, version, note, detail, createTime, updateTime } = row;
  return {
    ...{ entryId, utcOffsetMinutes, source, version: BigInt(version), note },
    startTime: timestampFromDate(startTime),
    detail: { case: "mood" as const, value: detail as Mood },
    civilDate: new Date(startTime.getTime() + utcOffsetMinutes * 60_000).toISOString().slice(0, 10),
    createTime: timestampFromDate(createTime),
    updateTime: timestampFromDate(updateTime),
  };
}
