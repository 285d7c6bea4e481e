import { EventEmitter } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import {
  createMethodImplSpec,
  type HandlerContext,
  type Interceptor,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { pino } from "pino";
import { afterEach, describe, expect, test, vi } from "vitest";
import { errors } from "../../src/errors.ts";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { toConnectError } from "../../src/rpc/connect-error.ts";
import { createDecodeTurns } from "../../src/rpc/decode-turns.ts";
import { LeanCall } from "../../src/rpc/lean-call.ts";
import { createLeanMethod } from "../../src/rpc/lean-method.ts";
import { listen } from "../../src/rpc/listener.ts";
import { createNodeHandler, type NodeHandler } from "../../src/rpc/node-handler.ts";
import type { UnarySpec } from "../../src/rpc/unary-methods.ts";
import { envelope, failureOfResponse, openWire } from "../support/wire.ts";

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
    const parts = { deadlines, log, decodeTurns: createDecodeTurns(), onOver: () => undefined };
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

/** Serves by one path or the other on a port of its own; `wasLean` tells which one the last call took. */
async function serve(leanUnary: boolean, routes: Parameters<typeof createNodeHandler>[0]["routes"]) {
  const deadlines = { defaultTimeoutMs: 5_000, maxTimeoutMs: 5_000 };
  const handler = createNodeHandler({ routes, deadlines, leanUnary, log });
  let wasLean = false;
  const takeStream: NodeHandler["takeStream"] = (...args) => {
    wasLean = handler.takeStream(...args);
    return wasLean;
  };
  const served = { ...handler, takeStream };
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    maxConnections: 100,
    handler: served,
    log,
  });
  const wire = await openWire(`http://127.0.0.1:${listener.port}`);
  return {
    wire,
    wasLean: () => wasLean,
    close() {
      wire.close();
      listener.close();
      listener.destroy();
    },
  };
}

/** What handlers and interceptors are told of a call, by one path or the other. */
async function told(leanUnary: boolean): Promise<unknown> {
  let context: HandlerContext | undefined;
  let request: UnaryRequest | undefined;
  const { wire, wasLean, close } = await serve(leanUnary, (router) => [
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
  ]);
  const headers = { ":authority": "Test:80", "x-note-bin": "AAEC", "x-text": "a", "grpc-timeout": "1H" };
  const answer = await wire.send(
    "/grpc.health.v1.Health/Check",
    { ...headers, "content-type": "application/grpc" },
    envelope(Buffer.from("\n\u0001x")),
  );
  close();
  expect(wasLean()).toBe(leanUnary);
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

test.each([true, false])("fields that this version does not know are not kept (lean: %s)", async (leanUnary) => {
  const seen: unknown[] = [];
  const { wire, wasLean, close } = await serve(leanUnary, (router) => [
    router({}).service(Health, {
      check(request) {
        seen.push(request.$unknown);
        return {};
      },
    }),
  ]);
  // Field 127 as a number, twice.
  const body = envelope(Buffer.from([0xf8, 7, 1, 0xf8, 7, 2]));
  const answer = await wire.send("/grpc.health.v1.Health/Check", { "content-type": "application/grpc" }, body);
  expect(answer.trailers.get("grpc-status")).toBe("0");
  expect(wasLean()).toBe(leanUnary);
  expect(seen).toEqual([undefined]);
  close();
});

test.each([true, false])("a large response comes whole through a small window (lean: %s)", async (leanUnary) => {
  const limit = 4 * 1_024 * 1_024;
  let size = 0;
  const { wire, wasLean, close } = await serve(leanUnary, (router) => [
    router({}).service(Health, { list: () => ({ statuses: { ["x".repeat(size)]: {} } }) }),
  ]);
  const ask = async () =>
    await wire.send("/grpc.health.v1.Health/List", { "content-type": "application/grpc" }, envelope(new Uint8Array()));
  // The client's windows are of 64 KiB.
  size = limit - 100;
  const whole = await ask();
  expect(whole.trailers.get("grpc-status")).toBe("0");
  expect(whole.body.byteLength).toBeGreaterThan(size);
  expect(whole.body.readUInt32BE(1)).toBe(whole.body.byteLength - 5);
  size = limit;
  expect(failureOfResponse(await ask())).toMatchObject({ code: "ResourceExhausted", reason: "MESSAGE_TOO_LARGE" });
  expect(wasLean()).toBe(leanUnary);
  close();
});

/** Has a handler answer a call by one path or the other, and returns what arrives. */
async function answerOf(
  leanUnary: boolean,
  interceptors: Interceptor[],
  implementation: (context: HandlerContext) => void = () => undefined,
) {
  const { wire, wasLean, close } = await serve(leanUnary, (router) => [
    router({ interceptors }).service(Health, {
      check(_, context) {
        implementation(context);
        return {};
      },
    }),
  ]);
  const headers = { "content-type": "application/grpc" };
  const answer = await wire.send("/grpc.health.v1.Health/Check", headers, envelope(new Uint8Array())).finally(close);
  expect(wasLean()).toBe(leanUnary);
  return answer;
}

test("an interceptor's response without headers is told as a defect, at once", async () => {
  const answer = await answerOf(true, [
    (next) => async (request) => {
      const { stream, service, method, message } = await next(request);
      return { stream, service, method, message } as UnaryResponse;
    },
  ]);
  expect(failureOfResponse(answer)).toMatchObject({ code: "Internal" });
});

describe.each([true, false])("what a handler adds (lean: %s)", (leanUnary) => {
  test("metadata of an error goes with it, but for the protocol's own", async () => {
    const answer = await answerOf(leanUnary, [], () => {
      const error = toConnectError(errors.notFound({ type: "a", name: "b" }));
      error.metadata.set("x-a", "1");
      // Connect lets what HTTP/2 forbids through, and Node refuses it.
      const forbidden = leanUnary ? ["upgrade", "connection"] : [];
      for (const name of ["grpc-status", "grpc-encoding", "content-type", ...forbidden]) error.metadata.set(name, "x");
      throw error;
    });
    expect(failureOfResponse(answer)).toMatchObject({ code: "NotFound", reason: "RESOURCE_NOT_FOUND" });
    const all = new Map([...answer.headers, ...answer.trailers]);
    expect([all.get("x-a"), all.get("content-type"), all.get("upgrade")]).toEqual([
      "1",
      expect.stringMatching(/^application\/grpc/),
      undefined,
    ]);
    expect(all.get("grpc-encoding")).not.toBe("x");
  });
});

test("a status that a handler puts among the trailers is not the call's", async () => {
  const answer = await answerOf(true, [], ({ responseTrailer }) => {
    responseTrailer.set("x-tail", "2");
    responseTrailer.set("grpc-status", "13");
  });
  expect([answer.trailers.get("grpc-status"), answer.trailers.get("x-tail")]).toEqual(["0", "2"]);
});

test("headers and trailers that Node refuses to send end the call with an error, and nothing else", async () => {
  const answer = await answerOf(true, [], ({ responseHeader }) => responseHeader.set("connection", "close"));
  expect(failureOfResponse(answer)).toMatchObject({ code: "Internal" });
  const cut = answerOf(true, [], ({ responseTrailer }) => responseTrailer.set("connection", "close"));
  await expect(cut).rejects.toThrow("the stream was closed with code 2");
});
