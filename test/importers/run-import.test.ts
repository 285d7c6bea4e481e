import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import type { ImportEvent, ImportProblem, ReadStep } from "../../src/importers/import-event.ts";
import { addPassedOver, type ImportState, isState, newState } from "../../src/importers/import-state.ts";
import { noCounts } from "../../src/importers/push-samples.ts";
import { passes, withRetries } from "../../src/importers/retry.ts";
import { type RunImportOptions, runImport } from "../../src/importers/run-import.ts";
import { type SendSamples, sendBatch } from "../../src/importers/send-batch.ts";
import { sample } from "../support/samples.ts";

const never = new AbortController().signal;

function sampleEvent(externalId: string, value: number, line = value) {
  return { type: "sample", externalId, sample: sample({ value }), place: { file: "f", line } } as const;
}

/** Events that arrive in steps of any size. */
async function* stepsOf(events: readonly ImportEvent[], size: number): AsyncGenerator<ReadStep> {
  for (let at = 0; at < events.length; at += size) yield { events: events.slice(at, at + size), bytes: at + size };
}

function optionsFor(state: ImportState, send: SendSamples, over: Partial<RunImportOptions> = {}): RunImportOptions {
  const nothing = () => undefined;
  return { state, send, signal: never, onProblem: nothing, onState: nothing, onBytes: nothing, ...over };
}

const anyEvent: fc.Arbitrary<(at: number) => ImportEvent> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "c").map((id) => (at: number) => sampleEvent(id, 1 + at)) },
  fc.constant(() => ({ type: "passed over", what: "Workout" }) as const),
  fc.constant((at: number) => ({ type: "refused", problem: { file: "f", line: at, problem: "is bad" } }) as const),
);

test("however often it is cut off, each sample is acknowledged once and all sums are exact", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyEvent, { maxLength: 120 }),
      fc.array(fc.nat(12), { maxLength: 12 }),
      fc.record({
        chunkSize: fc.integer({ min: 1, max: 40 }),
        batchSize: fc.integer({ min: 1, max: 9 }),
        inFlight: fc.integer({ min: 1, max: 4 }),
      }),
      async (make, cuts, sizes) => {
        const events = make.map((one, at) => one(at));
        const acknowledged = new Map<string, number[]>();
        // What the next run knows is what was saved, not what this one has in memory.
        let saved = JSON.stringify(newState());
        for (const cut of [...cuts, Number.POSITIVE_INFINITY]) {
          let left = cut;
          const state = JSON.parse(saved) as ImportState;
          const send: SendSamples = async (externalId, samples) => {
            if (left-- <= 0) throw new Error("cut off");
            await new Promise((done) => setImmediate(done));
            const values = samples.map(({ value }) => value);
            acknowledged.set(externalId, [...(acknowledged.get(externalId) ?? []), ...values]);
            return { type: "stored", counts: { ...noCounts, inserted: samples.length } };
          };
          const onState = () => {
            saved = JSON.stringify(state);
          };
          const run = runImport(
            stepsOf(events, 1 + (events.length % 7)),
            optionsFor(state, send, { ...sizes, onState }),
          );
          await run.catch((error: Error) => expect(error.message).toBe("cut off"));
        }
        const { counts, position } = JSON.parse(saved) as ImportState;
        const count = (type: ImportEvent["type"]) => events.filter((event) => event.type === type).length;
        expect(position).toBe(events.length);
        expect(counts).toMatchObject({
          inserted: count("sample"),
          accepted: count("sample"),
          refused: count("refused"),
        });
        expect(counts.passedOver["Workout"] ?? 0).toBe(count("passed over"));
        for (const [externalId, values] of acknowledged) {
          // In the order of the file, so that among equal versions the first counts.
          const mine = events.flatMap((one) => (one.type === "sample" && one.externalId === externalId ? [one] : []));
          expect(values).toEqual(mine.map((one) => one.sample.value));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("names that every object has are counted like others, and the counts can be kept", async () => {
  const names = ["toString", "constructor", "__proto__", "toString"];
  const events = names.map((what): ImportEvent => ({ type: "passed over", what }));
  const state = newState();
  const send: SendSamples = () => Promise.reject(new Error("nothing is sent"));
  await runImport(stepsOf(events, 2), optionsFor(state, send));
  expect(Object.entries(state.counts.passedOver)).toEqual([
    ["toString", 2],
    ["constructor", 1],
    ["__proto__", 1],
  ]);
  const kept = JSON.parse(JSON.stringify(state)) as ImportState;
  expect(isState(kept)).toBe(true);
  addPassedOver(kept.counts, "__proto__");
  expect(Object.entries(kept.counts.passedOver)).toContainEqual(["__proto__", 2]);
});

test("an input that holds less than was imported of it is told, and not taken for one that is through", async () => {
  const state = { ...newState(), position: 11 };
  const send: SendSamples = () => Promise.reject(new Error("nothing is sent"));
  const run = runImport(stepsOf([sampleEvent("a", 60)], 1), optionsFor(state, send));
  await expect(run).rejects.toThrow("Remove the progress file to begin again");
});

test("it reads no more than a chunk ahead of what is acknowledged", async () => {
  let read = 0;
  let acknowledged = 0;
  let most = 0;
  async function* source(): AsyncGenerator<ReadStep> {
    for (let at = 0; at < 400; at++) {
      read++;
      most = Math.max(most, read - acknowledged);
      yield { events: [sampleEvent(`p${at % 90}`, 1 + (at % 200))], bytes: at };
    }
  }
  const send: SendSamples = async (_, samples) => {
    await new Promise((done) => setImmediate(done));
    acknowledged += samples.length;
    return { type: "stored", counts: noCounts };
  };
  await runImport(source(), optionsFor(newState(), send, { chunkSize: 20, batchSize: 5 }));
  expect(acknowledged).toBe(400);
  expect(most).toBeLessThanOrEqual(40);
});

test("what is told of a chunk is taken before there is more, so refused records do not pile up", async () => {
  const events = Array.from(
    { length: 50 },
    (_, line): ImportEvent => ({ type: "refused", problem: { file: "f", line, problem: "is bad" } }),
  );
  let told = 0;
  let most = 0;
  const send: SendSamples = () => Promise.reject(new Error("nothing is sent"));
  const options = optionsFor(newState(), send, {
    chunkSize: 10,
    onProblem() {
      most = Math.max(most, ++told);
    },
    async onChunk() {
      await new Promise((done) => setTimeout(done, 5));
      told = 0;
    },
  });
  await runImport(stepsOf(events, 7), options);
  expect(options.state.counts.refused).toBe(50);
  expect(most).toBe(10);
});

test("after a failure, and after an interruption, nothing more is sent", async () => {
  const events = Array.from({ length: 100 }, (_, at) => sampleEvent(`p${at % 5}`, 1 + at));
  for (const interrupted of [false, true]) {
    const stop = new AbortController();
    let sent = 0;
    const send: SendSamples = async () => {
      if (++sent === 3 && !interrupted) throw new Error("over");
      if (sent === 3) stop.abort(new Error("over"));
      await new Promise((done) => setImmediate(done));
      return { type: "stored", counts: noCounts };
    };
    const options = optionsFor(newState(), send, { batchSize: 1, inFlight: 2, signal: stop.signal });
    await expect(runImport(stepsOf(events, 10), options)).rejects.toThrow("over");
    expect(sent).toBeLessThanOrEqual(4);
  }
});

test("what breaks a rule is told at its line with its field, and never reaches the service", async () => {
  const sent: number[] = [];
  const problems: ImportProblem[] = [];
  const send: SendSamples = async (_, samples) => {
    sent.push(...samples.map(({ value }) => value));
    return { type: "stored", counts: { ...noCounts, inserted: samples.length } };
  };
  const batch = [60, 301, 70, Number.NaN].map((value, line) => sampleEvent("a", value, line + 1));
  const counts = await sendBatch(batch, send, (problem) => problems.push(problem));
  expect(sent).toEqual([60, 70]);
  expect(counts).toMatchObject({ inserted: 2, accepted: 2, refused: 2 });
  expect(problems).toEqual([
    { file: "f", line: 2, field: "heart_rate.value", problem: "must be from 1 to 300 /min for heart_rate" },
    { file: "f", line: 4, field: "heart_rate.value", problem: expect.stringContaining("finite") as string },
  ]);
});

test("what only the service refuses is left out by its index and the rest sent again", async () => {
  const sizes: number[] = [];
  const problems: ImportProblem[] = [];
  const send: SendSamples = async (_, samples) => {
    sizes.push(samples.length);
    const bad = samples.findIndex(({ value }) => value === 62 || value === 65);
    if (bad < 0) return { type: "stored", counts: { ...noCounts, inserted: samples.length } };
    const fieldViolations = [{ field: `samples[${bad}].source`, description: "is one too many" }];
    throw new ConnectError("bad", Code.InvalidArgument, undefined, [
      { desc: BadRequestSchema, value: { fieldViolations } },
    ]);
  };
  const batch = Array.from({ length: 8 }, (_, at) => sampleEvent("a", 60 + at, 10 + at));
  const counts = await sendBatch(batch, send, (problem) => problems.push(problem));
  expect(sizes).toEqual([8, 7, 6]);
  expect(problems.map(({ line, field }) => [line, field])).toEqual([
    [12, "heart_rate.source"],
    [15, "heart_rate.source"],
  ]);
  expect(counts).toMatchObject({ inserted: 6, refused: 2 });
  const other = new ConnectError("no", Code.InvalidArgument);
  await expect(
    sendBatch(
      batch,
      () => Promise.reject(other),
      () => undefined,
    ),
  ).rejects.toBe(other);
});

test("only what passes is repeated, for as long as it may be, and an answer that came is never lost", async () => {
  const failure = (code: Code, reason?: string) =>
    new ConnectError("x", code, undefined, [
      ...(reason ? [{ desc: ErrorInfoSchema, value: { reason, domain: "wellvault.v1" } }] : []),
    ]);
  for (const [error, again] of [
    [failure(Code.Unavailable), true],
    [failure(Code.Unavailable, "SERVER_DRAINING"), true],
    [failure(Code.Aborted, "CONFLICT"), true],
    [failure(Code.ResourceExhausted, "OVERLOADED"), true],
    [failure(Code.Unknown, "COMMIT_UNKNOWN"), true],
    [failure(Code.Internal), true],
    [failure(Code.ResourceExhausted, "LIMIT_REACHED"), false],
    [failure(Code.Internal, "INTERNAL"), false],
    [failure(Code.InvalidArgument), false],
    [failure(Code.PermissionDenied), false],
    [new Error("a defect"), false],
  ] as const) {
    let calls = 0;
    const call = async () => {
      if (calls++ === 0) throw error;
      return "answer";
    };
    const done = withRetries(call, { seconds: 5, onRetry: () => undefined, signal: never });
    if (again) expect(await done).toBe("answer");
    else await expect(done).rejects.toBe(error);
    expect(calls, error.message).toBe(again ? 2 : 1);
    expect(passes(error)).toBe(again);
  }
  const stop = new AbortController();
  const late = async () => {
    stop.abort(new Error("interrupted"));
    return "answer";
  };
  expect(await withRetries(late, { seconds: 5, onRetry: () => undefined, signal: stop.signal })).toBe("answer");
});

test("a call that fails only after a long wait is repeated, too: the time counts from its failure", async () => {
  let calls = 0;
  const slow = async () => {
    await new Promise((done) => setTimeout(done, 150));
    if (calls++ === 0) throw new ConnectError("x", Code.DeadlineExceeded);
    return "answer";
  };
  const options = { seconds: 0.1, onRetry: () => undefined, signal: never };
  expect(await withRetries(slow, options)).toBe("answer");
  const gone = new ConnectError("x", Code.Unavailable);
  await expect(withRetries(() => Promise.reject(gone), options)).rejects.toBe(gone);
});
