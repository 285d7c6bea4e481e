import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { LeanCall } from "../../src/rpc/lean-call.ts";
import { createNodeHandler, type NodeHandler } from "../../src/rpc/node-handler.ts";
import { envelope } from "../support/wire.ts";

const warnings: Error[] = [];
const onWarning = (warning: Error) => {
  // To count objects is experimental itself.
  if (warning.name !== "ExperimentalWarning") warnings.push(warning);
};
const shutdown = new AbortController();
let signals: AbortSignal[] = [];
let handler: NodeHandler;
let client: ClientHttp2Session;
const server = createServer();

beforeAll(async () => {
  process.on("warning", onWarning);
  handler = createNodeHandler({
    routes: (router) => {
      const health = router({ shutdownSignal: shutdown.signal });
      health.service(Health, {
        async check({ service }, { signal }) {
          signals.push(signal);
          // As long as the caller lets it.
          if (service === "slow") await once(signal, "abort");
          return {};
        },
      });
      return [health];
    },
    deadlines: { defaultTimeoutMs: 60_000, maxTimeoutMs: 60_000 },
    leanUnary: true,
    log: pino({ level: "silent" }),
  });
  server.on("stream", (stream, headers, _, rawHeaders: string[]) => {
    expect(handler.takeStream(stream, headers, rawHeaders)).toBe(true);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(() => {
  process.off("warning", onWarning);
  client.close();
  server.close();
});

const slow = envelope(Buffer.from("\n\u0004slow"));
const fast = envelope(new Uint8Array());

/** Ways a call may go, each until its stream is closed. */
const ways: readonly ((stream: ClientHttp2Stream) => void)[] = [
  (stream) => stream.end(fast),
  (stream) => stream.end(envelope(Buffer.of(255))),
  (stream) => stream.end(Buffer.of(0, 0, 0)),
  (stream) => stream.end(),
  (stream) => stream.close(constants.NGHTTP2_CANCEL),
  (stream) => void stream.write(fast, () => stream.close(constants.NGHTTP2_CANCEL)),
  (stream) => void stream.end(slow, () => setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 5)),
  (stream) => void stream.end(slow, () => setTimeout(() => stream.destroy(new Error("gone")), 5)),
];

function call(headers: Record<string, string> = {}): ClientHttp2Stream {
  const path = "/grpc.health.v1.Health/Check";
  const stream = client.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", ...headers });
  return stream.on("error", () => undefined).resume();
}

test("after 2,000 calls of every kind nothing is left, and nothing was warned of", async () => {
  for (let round = 0; round < 20; round++) {
    const streams = Array.from({ length: 100 }, (_, index) => {
      const late = index % 10 === 9;
      const stream = call(late ? { "grpc-timeout": "5m" } : {});
      if (late) stream.end(slow);
      else ways[index % ways.length]?.(stream);
      return new Promise((done) => stream.once("close", done));
    });
    await Promise.all(streams);
  }
  await handler.idle();
  expect(signals.length).toBeGreaterThan(500);
  signals = [];
  await sleep(50);
  expect(queryObjects(LeanCall, { format: "count" })).toBe(0);
  expect(warnings).toEqual([]);
});

test("control: a call that runs is counted, and its signal fires when its caller is gone", async () => {
  const stream = call();
  stream.end(slow);
  await expect.poll(() => signals.length).toBe(1);
  expect(queryObjects(LeanCall, { format: "count" })).toBe(1);
  const idle = handler.idle().then(() => "idle");
  expect(await Promise.race([idle, sleep(50, "running")])).toBe("running");
  expect(signals[0]?.aborted).toBe(false);
  stream.close(constants.NGHTTP2_CANCEL);
  expect(await idle).toBe("idle");
  expect(signals[0]?.aborted).toBe(true);
});

test("a call that runs when the server ends calls is told so", async () => {
  const stream = call();
  const answered = once(stream, "response");
  stream.end(slow);
  await expect.poll(() => signals.length).toBe(2);
  shutdown.abort();
  const [headers] = (await answered) as [Record<string, string>];
  expect(headers["grpc-status"]).toBe("14");
  await handler.idle();
});
