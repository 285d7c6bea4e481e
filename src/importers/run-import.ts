import type { ImportProblem, ReadStep, SampleEvent } from "./import-event.ts";
import { addBatch, addPassedOver, type ImportState } from "./import-state.ts";
import { type Chunk, chunksOf } from "./read-chunks.ts";
import { type SendSamples, sendBatch } from "./send-batch.ts";

/** How to run an import. */
export interface RunImportOptions {
  /** How far it is; kept up to date, also when it fails. */
  readonly state: ImportState;
  readonly send: SendSamples;
  /** Told of each sample and record that is refused. */
  readonly onProblem: (problem: ImportProblem) => void;
  /** Told each time the state has changed. */
  readonly onState: () => void;
  /** Told how many bytes of the input are dealt with. */
  readonly onBytes: (bytes: number) => void;
  /** Awaited after each chunk, so that what was told of it can be taken before there is more. Default nothing. */
  readonly onChunk?: () => Promise<void>;
  /** Ends the import when it fires, once the batches under way are answered. */
  readonly signal: AbortSignal;
  /** Events of a chunk. Default 10,000. An import that goes on needs the size that it began with. */
  readonly chunkSize?: number;
  /** Samples of a batch at most. Default 1,000, the most that PutSamples takes. Like `chunkSize` it must not change. */
  readonly batchSize?: number;
  /** Batches under way at the same time at most, of different people. Default 4. */
  readonly inFlight?: number;
}

/**
 * Sends what a reader finds, chunk by chunk, and goes on where `state` says. A chunk's samples go in batches of one
 * person each. A person's batches go one after the other, in the order of the input, so when a key comes twice with
 * the same version it is the first that counts. While a chunk is sent the next one is read, and none beyond it, so
 * memory does not grow with the input.
 *
 * What is dealt with is a position in the reader's events, and the batches of the chunk that begins there. The same
 * input gives the same events and so the same batches, which is why nothing else has to be remembered.
 *
 * @throws the first failure of the reader or `send`, or the signal's reason, once no batch is under way any more
 */
export async function runImport(steps: AsyncIterable<ReadStep>, options: RunImportOptions): Promise<void> {
  const { state, onBytes, onChunk, signal, chunkSize = 10_000 } = options;
  const chunks = chunksOf(steps, state.position, chunkSize, signal)[Symbol.asyncIterator]();
  try {
    let reading = chunks.next();
    while (true) {
      const { done, value: chunk } = await reading;
      if (done) return;
      reading = chunks.next();
      // A failure to read on is met when its turn has come.
      reading.catch(() => undefined);
      await sendChunk(chunk, options);
      finishChunk(chunk, options);
      onBytes(chunk.bytes);
      await onChunk?.();
    }
  } finally {
    await chunks.return?.();
  }
}

/** Sends the batches of a chunk that are not dealt with yet. */
async function sendChunk(chunk: Chunk, options: RunImportOptions): Promise<void> {
  const { state, send, onProblem, onState, signal, inFlight = 4 } = options;
  const people = batchesOf(chunk, options.batchSize ?? 1_000).values();
  const before = new Set(state.done);
  let failed = false;

  /** Takes one person after the other, as others do at the same time from the same list. */
  async function work(): Promise<void> {
    for (const batches of people) {
      for (const { number, samples } of batches) {
        if (before.has(number)) continue;
        if (failed) return;
        signal.throwIfAborted();
        addBatch(state.counts, await sendBatch(samples, send, onProblem));
        state.done.push(number);
        onState();
      }
    }
  }

  const workers = Array.from({ length: inFlight }, () =>
    work().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  await Promise.all(workers);
}

/** Counts what a chunk holds besides samples, and takes it as dealt with. */
function finishChunk({ events }: Chunk, { state, onProblem, onState }: RunImportOptions): void {
  for (const event of events) {
    if (event.type === "passed over") addPassedOver(state.counts, event.what);
    else if (event.type !== "sample") {
      onProblem(event.problem);
      if (event.type === "refused") state.counts.refused++;
      else state.complete = false;
    }
  }
  state.position += events.length;
  state.done = [];
  onState();
}

interface Batch {
  /** Tells it from the chunk's other batches. */
  readonly number: number;
  readonly samples: SampleEvent[];
}

/** The batches of a chunk, person by person. */
function batchesOf({ events }: Chunk, batchSize: number): Batch[][] {
  const people = new Map<string, Batch[]>();
  let count = 0;
  for (const event of events) {
    if (event.type !== "sample") continue;
    const batches = people.get(event.externalId) ?? [];
    if (batches.length === 0) people.set(event.externalId, batches);
    let batch = batches.at(-1);
    if (!batch || batch.samples.length === batchSize) {
      batch = { number: count++, samples: [] };
      batches.push(batch);
    }
    batch.samples.push(event);
  }
  return [...people.values()];
}
