import type { ImportEvent, ReadStep } from "./import-event.ts";

/** Events that are dealt with together. */
export interface Chunk {
  readonly events: readonly ImportEvent[];
  /** Bytes of the input that are read with it. */
  readonly bytes: number;
}

/** Says that the input holds less than what is said to be dealt with, so it is not the one that the import began with. */
export class MissingEventsError extends Error {
  override readonly name = "MissingEventsError";

  constructor() {
    super("The input holds less than was imported of it. Remove the progress file to begin again.");
  }
}

/**
 * Cuts a reader's events into chunks of `size`, the last of which may be smaller. Where they are cut depends on nothing
 * but the events.
 *
 * @param skip how many events to leave out at the beginning, a multiple of `size` or all of them
 * @throws the signal's reason when it fires, MissingEventsError when there are fewer events than are left out
 */
export async function* chunksOf(
  steps: AsyncIterable<ReadStep>,
  skip: number,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Chunk, void, undefined> {
  let events: ImportEvent[] = [];
  let left = skip;
  let bytes = 0;
  for await (const step of steps) {
    signal.throwIfAborted();
    bytes = step.bytes;
    for (const event of step.events) {
      if (left > 0) {
        left--;
        continue;
      }
      events.push(event);
      if (events.length < size) continue;
      yield { events, bytes };
      events = [];
    }
  }
  if (left > 0) throw new MissingEventsError();
  if (events.length > 0) yield { events, bytes };
}
