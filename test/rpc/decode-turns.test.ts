import { EventEmitter } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { createMethodImplSpec, type HandlerContext } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, test, vi } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { type Call, callKey } from "../../src/rpc/call.ts";
import { createDecodeTurns } from "../../src/rpc/decode-turns.ts";
import { LeanCall } from "../../src/rpc/lean-call.ts";
import { createLeanMethod } from "../../src/rpc/lean-method.ts";
import type { UnarySpec } from "../../src/rpc/unary-methods.ts";
import { envelope } from "../support/wire.ts";

const log = pino({ level: "silent" });

/** A call on a stream that a test feeds. */
interface FedCall {
  /** Brings a message of so many bytes, and what follows it, and the end of the body. */
  send(bytes: number, tail?: Uint8Array): void;
  /** Brings a message that cannot be decoded, and not the end. */
  sendBad(bytes: number): void;
  /** Whether it was answered. */
  isAnswered(): boolean;
  /** Ends the stream, as a caller does that leaves. */
  leave(): void;
}

/** Makes calls, and tells in which order their messages are decoded. */
function feed({ isPublic = false } = {}) {
  const decoded: string[] = [];
  const implementation = createMethodImplSpec(Health.method.check, () => ({})) as UnarySpec;
  const requestGate = ({ values, requestHeader }: HandlerContext) => {
    const tenantId = requestHeader.get("x-tenant-id");
    if (tenantId) values.set(callKey, { tenant: { tenantId } } as Call);
  };
  const method = createLeanMethod({ spec: implementation, options: isPublic ? {} : { requestGate } });
  const deadlines = { defaultTimeoutMs: 10_000, maxTimeoutMs: 10_000 };
  const parts = { deadlines, log, decodeTurns: createDecodeTurns(), onOver: () => undefined };
  const { input } = Health.method.check;
  return {
    decoded,
    async call(name: string, session: object, tenantId?: string): Promise<FedCall> {
      let isAnswered = false;
      const answer = () => {
        isAnswered = true;
      };
      const stream = Object.assign(new EventEmitter(), {
        session,
        respond: answer,
        end: answer,
        resume: () => undefined,
        destroy: () => undefined,
      });
      const parse: typeof method.parse = (data) => {
        decoded.push(name);
        return method.parse(data);
      };
      const headers = tenantId === undefined ? {} : { "x-tenant-id": tenantId };
      const call = new LeanCall({ ...method, parse }, stream as unknown as ServerHttp2Stream, parts);
      void call.serve("http://test", headers, []);
      await vi.waitFor(() => expect(stream.listenerCount("data")).toBe(1));
      return {
        send(bytes, tail = new Uint8Array()) {
          const message = toBinary(input, create(input, { service: "x".repeat(bytes) }));
          stream.emit("data", Buffer.concat([envelope(message), tail]));
          stream.emit("end");
        },
        sendBad: (bytes) => void stream.emit("data", envelope(Buffer.alloc(bytes, 255))),
        isAnswered: () => isAnswered,
        leave: () => void stream.emit("close"),
      };
    },
  };
}

const turn = () => new Promise((done) => setImmediate(done));

describe("large messages that arrive at once", () => {
  test("are decoded one in each turn of the event loop; small ones do not wait for them", async () => {
    const { decoded, call } = feed();
    const session = {};
    const large = await Promise.all(Array.from({ length: 10 }, () => call("large", session)));
    const small = await call("small", session);
    for (const each of large) each.send(20_000);
    expect(decoded).toEqual([]);
    small.send(100);
    expect(decoded).toEqual(["small"]);
    for (let n = 1; n <= large.length; n++) {
      await turn();
      expect(decoded).toHaveLength(n + 1);
    }
    for (const each of [...large, small]) each.leave();
  });

  test.each([
    { who: "caller", tenants: [undefined, undefined] },
    { who: "tenant, by whatever connections", tenants: ["many", "few"] },
  ])("wait for one of each other $who at most, not for all that somebody has sent", async ({ tenants }) => {
    const { decoded, call } = feed();
    const [many, few] = [{}, {}];
    // A tenant's calls may come by any connection.
    const sessionOf = (n: number, own: object) => (tenants[0] === undefined ? own : n % 2 === 0 ? many : few);
    const ofMany = await Promise.all(
      Array.from({ length: 10 }, (_, n) => call("many", sessionOf(n, many), tenants[0])),
    );
    const ofFew = await Promise.all([0, 1].map((n) => call("few", sessionOf(n, few), tenants[1])));
    for (const each of [...ofMany, ...ofFew]) each.send(20_000);
    for (let n = 0; n < 12; n++) await turn();
    expect(decoded.join(" ")).toBe("many few many few many many many many many many many many");
    for (const each of [...ofMany, ...ofFew]) each.leave();
  });

  test("of methods that anybody may call, which take small ones alone, wait for nobody", async () => {
    const { decoded, call } = feed({ isPublic: true });
    const calls = await Promise.all([call("a", {}), call("b", {})]);
    for (const each of calls) each.send(20_000);
    expect(decoded).toEqual(["a", "b"]);
    for (const each of calls) each.leave();
  });

  test("that cannot be decoded are answered in their turn, not at the body's end", async () => {
    const { call } = feed();
    const bad = await call("bad", {});
    bad.sendBad(20_000);
    await turn();
    await turn();
    expect(bad.isAnswered()).toBe(true);
    bad.leave();
  });

  test("with something wrong behind them are answered no sooner, so that those in line are no more than the calls", async () => {
    const { decoded, call } = feed();
    const session = {};
    const calls = await Promise.all(Array.from({ length: 5 }, (_, n) => call(String(n), session)));
    for (const each of calls) each.send(20_000, Buffer.of(0));
    await Promise.resolve();
    expect(calls.some((each) => each.isAnswered())).toBe(false);
    for (const each of calls.slice(1)) each.leave();
    await turn();
    await turn();
    expect(decoded).toEqual(["0"]);
    expect(calls[0]?.isAnswered()).toBe(true);
    calls[0]?.leave();
  });

  test("are not decoded, and wait no more, once their callers have left", async () => {
    const { decoded, call } = feed();
    const session = {};
    const calls = await Promise.all(Array.from({ length: 10 }, (_, n) => call(String(n), session)));
    for (const each of calls) each.send(20_000);
    for (const each of calls.slice(0, 8)) each.leave();
    await turn();
    await turn();
    expect(decoded).toEqual(["8", "9"]);
    for (const each of calls.slice(8)) each.leave();
  });
});
