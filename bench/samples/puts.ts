import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type CallOptions, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type pg from "pg";
import { MetricSampleSchema, RecordingMethod } from "../../src/gen/wellvault/v1/metric_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { median } from "../measure/statistics.ts";

/** Samples of a batch: the most that PutSamples takes. */
const batchSize = 1_000;

/** What is written, and by whom. */
export interface PutParts {
  readonly port: number;
  readonly tenantId: string;
  /** Whose samples are put, and whose are copied; the same samples. */
  readonly putId: string;
  readonly copiedNo: number;
  /** A connection of the copies for each batch in flight. Owner or superuser: row level security takes no COPY. */
  readonly admins: readonly pg.Client[];
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
 * Writes batches through the API, and the same rows by COPY, a transaction for each batch, in turns.
 *
 * @throws Error when a batch was not stored whole
 */
export async function measurePuts(
  parts: PutParts,
  inFlight: number,
  batches: number,
  rounds: number,
  firstBatch: number,
): Promise<PutFigures> {
  const sessions = new Http2SessionManager(`http://127.0.0.1:${parts.port}`);
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${parts.port}`, sessionManager: sessions });
  const metrics = createClient(MetricService, transport);
  const options: CallOptions = { headers: { "x-role": "ingest_service", "x-tenant-id": parts.tenantId } };
  const folder = await mkdtemp(join(tmpdir(), "wellvault-copy-"));
  await chmod(folder, 0o755);
  const turns: { puts: number; copies: number }[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      const first = firstBatch + round * batches;
      const numbers = Array.from({ length: batches }, (_, n) => first + n);
      const files = await Promise.all(
        numbers.map(async (batch) => {
          const file = join(folder, `${batch}.txt`);
          await writeFile(file, copyText(batch, parts.copiedNo));
          await chmod(file, 0o644);
          return file;
        }),
      );
      const put = async (batch: number) => {
        const samples = Array.from({ length: batchSize }, (_, place) =>
          create(MetricSampleSchema, {
            ...{ kind: "heart_rate", source: "bench", utcOffsetMinutes: 60, value: 50 + (place % 70), version: 1n },
            startTime: { seconds: BigInt(startOf(batch, place)), nanos: 0 },
            recordingMethod: RecordingMethod.PASSIVE,
          }),
        );
        const { insertedCount } = await metrics.putSamples({ employeeId: parts.putId, samples }, options);
        if (insertedCount !== batchSize) throw new Error(`a batch stored ${insertedCount} of ${batchSize} samples`);
      };
      const copy = async (index: number, lane: number) => {
        const copied = await parts.admins[lane]?.query(
          `copy samples (
             employee_no, kind, start_time, source_no, version, value, end_seconds, utc_offset_minutes, recording_method
           ) from '${files[index]}'`,
        );
        if (copied?.rowCount !== batchSize)
          throw new Error(`a file stored ${copied?.rowCount} of ${batchSize} samples`);
      };
      const rate = async (work: (index: number, lane: number) => Promise<void>) => {
        const startedAt = performance.now();
        let next = 0;
        const lane = async (_: unknown, number: number) => {
          while (next < batches) await work(next++, number);
        };
        await Promise.all(Array.from({ length: inFlight }, lane));
        return (batches * batchSize * 1_000) / (performance.now() - startedAt);
      };
      const turn = async (): Promise<{ puts: number; copies: number }> => {
        if (round % 2 === 0) {
          const puts = await rate((index) => put(numbers[index] ?? 0));
          return { puts, copies: await rate(copy) };
        }
        const copies = await rate(copy);
        return { puts: await rate((index) => put(numbers[index] ?? 0)), copies };
      };
      const figures = await turn();
      // The first round is for warming up.
      if (round > 0) turns.push(figures);
    }
  } finally {
    sessions.abort();
    await rm(folder, { recursive: true, force: true });
  }
  return {
    inFlight,
    puts: median(turns.map(({ puts }) => puts)),
    copies: median(turns.map(({ copies }) => copies)),
    ratio: median(turns.map(({ puts, copies }) => puts / copies)),
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
