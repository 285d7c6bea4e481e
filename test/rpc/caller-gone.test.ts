import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { type Listener, listen } from "../../src/rpc/listener.ts";
import { createNodeHandler, type NodeHandler } from "../../src/rpc/node-handler.ts";
import { type Clients, openClients } from "../support/clients.ts";

describe.each([
  ["the lean path", true],
  ["Connect", false],
])("by %s", (_, leanUnary) => {
  const lines: string[] = [];
  let goes: boolean;
  let last: ServerHttp2Stream;
  let taken = false;
  let clients: Clients;
  let listener: Listener;
  const caller = new AbortController();

  const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
  const handler = createNodeHandler({
    routes: (router) => {
      const health = router({});
      health.service(Health, {
        async check() {
          if (!goes) throw new Error("a defect");
          caller.abort();
          await once(last, "close");
          return {};
        },
      });
      return [health];
    },
    deadlines: { defaultTimeoutMs: 5_000, maxTimeoutMs: 5_000 },
    leanUnary,
    log,
  });

  beforeAll(async () => {
    const takeStream: NodeHandler["takeStream"] = (stream, ...rest) => {
      last = stream;
      taken = handler.takeStream(stream, ...rest);
      return taken;
    };
    listener = await listen({
      host: "127.0.0.1",
      port: 0,
      tls: undefined,
      maxConnections: 100,
      handler: { ...handler, takeStream },
      log,
    });
    clients = openClients(`http://127.0.0.1:${listener.port}`);
  });
  afterAll(() => {
    clients.close();
    listener.close();
    listener.destroy();
  });

  test.each([
    [true, "a caller who is gone before the answer is no defect", 0],
    [false, "control: a handler that throws is one", 1],
  ])("%s: %s", async (isGone, _, errors) => {
    goes = isGone;
    lines.length = 0;
    await expect(clients.health.check({}, isGone ? { signal: caller.signal } : {})).rejects.toThrow();
    expect(taken).toBe(leanUnary);
    // The call is over for the handler once its stream is closed; what is logged of it comes after.
    await sleep(100);
    expect(lines.filter((line) => line.includes('"level":50')).length).toBe(errors);
  });
});
