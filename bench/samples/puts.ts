import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type pg from "pg";
import { MetricSampleSchema, RecordingMethod } from "../../src/gen/wellvault/v1/metric_pb.ts";
import {
  MetricService,
  PutSamplesRequestSchema,
  PutSamplesResponseSchema,
} from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { median } from "../measure/statistics.ts";

/** Samples of a batch: the most that PutSamples takes. */
const batchSize = 1_000;

/** Employees whose samples are written, one for each batch in flight, as devices send them: in the order of time. */
export interface PutLane {
  /** Whose samples are put, and whose are copied; the same samples. */
  readonly putId: string;
  readonly copiedNo: number;
  /** The connection of the copies. Owner or superuser: row level security takes no COPY. */
  readonly admin: pg.Client;
}

/** What is written, and by whom. */
export interface PutParts {
  readonly port: number;
  readonly tenantId: string;
  /** One for each batch in flight. */
  readonly lanes: readonly PutLane[];
}

/** Rows a second. */
export interface PutFigures {
  readonly inFlight: number;
  readonly puts: number;
  readonly copies: number;
  /** The median of the rounds' ratios of puts over copies. */
  readonly ratio: number;
}

/** The start of a sample of a batch, in seconds since 1970. Batches follow each other and never meet. */
const startOf = (batch: number, place: number) => 1_704_067_200 + (batch * batchSize + place) * 30;

/**
 * Writes batches through the API, and the same rows by COPY, a transaction for each batch, in turns. The files of the
 * copies and the bodies of the calls are made beforehand.
 *
 * @param batches of each lane in a turn
 * @throws Error when a batch was not stored whole
 */
export async function measurePuts(
  { port, tenantId, lanes }: PutParts,
  batches: number,
  rounds: number,
  firstBatch: number,
): Promise<PutFigures> {
  using caller = openPutCaller(port, tenantId);
  const folder = await mkdtemp(join(tmpdir(), "wellvault-copy-"));
  await chmod(folder, 0o755);
  const turns: { puts: number; copies: number }[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      const first = firstBatch + round * batches;
      const work = await Promise.all(lanes.map((lane, number) => prepare(lane, number, folder, first, batches)));
      const rate = async (write: (lane: PreparedLane, index: number) => Promise<void>) => {
        const startedAt = performance.now();
        const run = async (lane: PreparedLane) => {
          for (let index = 0; index < batches; index++) await write(lane, index);
        };
        await Promise.all(work.map(run));
        return (lanes.length * batches * batchSize * 1_000) / (performance.now() - startedAt);
      };
      const put = ({ bodies }: PreparedLane, index: number) => caller.put(bodies[index] ?? Buffer.alloc(0));
      const copy = async ({ admin, files }: PreparedLane, index: number) => {
        const copied = await admin.query(
          `copy samples (
             employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
           ) from '${files[index]}'`,
        );
        if (copied.rowCount !== batchSize) throw new Error(`a file stored ${copied.rowCount} of ${batchSize} samples`);
      };
      const turn = async (): Promise<{ puts: number; copies: number }> => {
        if (round % 2 === 0) {
          const puts = await rate(put);
          return { puts, copies: await rate(copy) };
        }
        const copies = await rate(copy);
        return { puts: await rate(put), copies };
      };
      const figures = await turn();
      // The first round is for warming up.
      if (round > 0) turns.push(figures);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    inFlight: lanes.length,
    puts: median(turns.map(({ puts }) => puts)),
    copies: median(turns.map(({ copies }) => copies)),
    ratio: median(turns.map(({ puts, copies }) => puts / copies)),
  };
}

/** A lane with what it writes in a turn. */
interface PreparedLane extends PutLane {
  /** Requests as they stand on the wire, one for each batch. */
  readonly bodies: readonly Buffer[];
  /** The same as files for COPY. */
  readonly files: readonly string[];
}

async function prepare(
  lane: PutLane,
  number: number,
  folder: string,
  first: number,
  batches: number,
): Promise<PreparedLane> {
  const bodies: Buffer[] = [];
  const files: string[] = [];
  for (let batch = first; batch < first + batches; batch++) {
    bodies.push(requestBytes(batch, lane.putId));
    const file = join(folder, `${number}-${batch}.txt`);
    await writeFile(file, copyText(batch, lane.copiedNo));
    // For root the server runs as another user.
    await chmod(file, 0o644);
    files.push(file);
  }
  return { ...lane, bodies, files };
}

function requestBytes(batch: number, employeeId: string): Buffer {
  const samples = Array.from({ length: batchSize }, (_, place) =>
    create(MetricSampleSchema, {
      ...{ kind: "heart_rate", source: "bench", utcOffsetMinutes: 60, value: 50 + (place % 70), version: 1n },
      startTime: { seconds: BigInt(startOf(batch, place)), nanos: 0 },
      recordingMethod: RecordingMethod.PASSIVE,
    }),
  );
  return Buffer.from(toBinary(PutSamplesRequestSchema, create(PutSamplesRequestSchema, { employeeId, samples })));
}

/** A client of PutSamples for requests that are bytes already. */
interface PutCaller extends Disposable {
  /** @throws Error when the batch was not stored whole */
  put(body: Buffer): Promise<void>;
}

function openPutCaller(port: number, tenantId: string): PutCaller {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("x-role", "ingest_service");
  metadata.set("x-tenant-id", tenantId);
  const { name, parent } = MetricService.method.putSamples;
  const asIs = (bytes: Buffer) => bytes;
  return {
    async put(body) {
      const answer = await new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest(`/${parent.typeName}/${name}`, asIs, asIs, body, metadata, (error, bytes) => {
          if (bytes) resolve(bytes);
          else reject(error ?? new Error("there was no answer"));
        });
      });
      const { insertedCount } = fromBinary(PutSamplesResponseSchema, answer);
      if (insertedCount !== batchSize) throw new Error(`a batch stored ${insertedCount} of ${batchSize} samples`);
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** The rows of a batch as COPY reads them, for another employee. */
function copyText(batch: number, employeeNo: number): string {
  const lines = Array.from({ length: batchSize }, (_, place) => {
    const start = new Date(startOf(batch, place) * 1_000).toISOString();
    return [employeeNo, 11, start, 1, 1, 50 + (place % 70), 0, 60, 2].join("\t");
  });
  return `${lines.join("\n")}\n`;
}
