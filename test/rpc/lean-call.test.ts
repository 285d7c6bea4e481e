import { EventEmitter } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { createMethodImplSpec, type HandlerContext, type UnaryRequest } from "@connectrpc/connect";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { LeanCall } from "../../src/rpc/lean-call.ts";
import { createLeanMethod } from "../../src/rpc/lean-method.ts";
import { listen } from "../../src/rpc/listener.ts";
import { createNodeHandler, type NodeHandler } from "../../src/rpc/node-handler.ts";
import type { UnarySpec } from "../../src/rpc/unary-methods.ts";
import { envelope, openWire } from "../support/wire.ts";

const log = pino({ level: "silent" });
afterEach(() => void vi.useRealTimers());

test("a caller that does not read its answer is cut off some time after its deadline, and no other", async () => {
  vi.useFakeTimers();
  const destroyed: string[] = [];
  const spec = createMethodImplSpec(Health.method.check, () => ({})) as UnarySpec;
  const method = createLeanMethod({ spec, options: {} });
  const call = async (name: string) => {
    const ended = vi.fn();
    const stream = Object.assign(new EventEmitter(), {
      respond: () => undefined,
      end: ended,
      destroy: () => destroyed.push(name),
    });
    const deadlines = { defaultTimeoutMs: 1_000, maxTimeoutMs: 1_000 };
    const parts = { deadlines, log, onOver: () => undefined };
    void new LeanCall(method, stream as unknown as ServerHttp2Stream, parts).serve("http://test", {}, []);
    await vi.waitFor(() => expect(stream.listenerCount("data")).toBe(1));
    stream.emit("data", envelope(new Uint8Array()));
    stream.emit("end");
    await vi.waitFor(() => expect(ended).toHaveBeenCalled());
    return stream;
  };
  await call("never reads");
  (await call("has read")).emit("close");
  vi.advanceTimersByTime(1_000);
  expect(destroyed).toEqual([]);
  vi.advanceTimersByTime(60_000);
  expect(destroyed).toEqual(["never reads"]);
});

/** What handlers and interceptors are told of a call, by one path or the other. */
async function told(leanUnary: boolean): Promise<unknown> {
  let context: HandlerContext | undefined;
  let request: UnaryRequest | undefined;
  const handler = createNodeHandler({
    routes: (router) => [
      router({
        interceptors: [
          (next) => (call) => {
            request = call as UnaryRequest;
            return next(call);
          },
        ],
      }).service(Health, {
        check(_, given) {
          context = given;
          given.responseHeader.set("x-head", "1");
          given.responseTrailer.set("x-tail", "2");
          return {};
        },
      }),
    ],
    deadlines: { defaultTimeoutMs: 5_000, maxTimeoutMs: 5_000 },
    leanUnary,
    log,
  });
  let taken = false;
  const takeStream: NodeHandler["takeStream"] = (...args) => {
    taken = handler.takeStream(...args);
    return taken;
  };
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    handler: { ...handler, takeStream },
    log,
  });
  const wire = await openWire(`http://127.0.0.1:${listener.port}`);
  const headers = { ":authority": "Test:80", "x-note-bin": "AAEC", "x-text": "a", "grpc-timeout": "1H" };
  const answer = await wire.send(
    "/grpc.health.v1.Health/Check",
    { ...headers, "content-type": "application/grpc" },
    envelope(Buffer.from("\n\u0001x")),
  );
  wire.close();
  listener.close();
  listener.destroy();
  expect(taken).toBe(leanUnary);
  if (!context || !request) throw new Error("the call did not arrive");
  const { method, service, requestMethod, protocolName, url, requestHeader, values, signal, timeoutMs } = context;
  expect(timeoutMs()).toBeGreaterThan(0);
  expect(timeoutMs()).toBeLessThanOrEqual(5_000);
  expect(signal).toBeInstanceOf(AbortSignal);
  expect(request.signal).toBe(signal);
  expect(request.contextValues).toBe(values);
  expect(request.header).toBe(requestHeader);
  return {
    context: { method, service, requestMethod, protocolName, url, header: Object.fromEntries(requestHeader) },
    request: [request.url, request.requestMethod, request.stream, request.service, request.method, request.message],
    answer: [answer.headers.get("x-head"), answer.trailers.get("x-tail"), answer.trailers.get("grpc-status")],
  };
}

test("handlers and interceptors are told the same of a call as by Connect", async () => {
  const lean = await told(true);
  expect(lean).toEqual(await told(false));
  expect(lean).toMatchObject({
    context: {
      url: "http://test/grpc.health.v1.Health/Check",
      header: { "grpc-timeout": "5000m", "x-note-bin": "AAEC" },
    },
    answer: ["1", "2", "0"],
  });
});
