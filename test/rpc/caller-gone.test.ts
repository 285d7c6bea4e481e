import { once } from "node:events";
import { createServer, type Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { createNodeHandler } from "../../src/rpc/node-handler.ts";
import { type Clients, openClients } from "../support/clients.ts";

const lines: string[] = [];
let goes: boolean;
let last: Http2ServerResponse;
let clients: Clients;
const caller = new AbortController();

const handler = createNodeHandler({
  routes: (router) => {
    const health = router({});
    health.service(Health, {
      async check() {
        if (!goes) throw new Error("a defect");
        const { stream } = last;
        caller.abort();
        await once(stream, "close");
        return {};
      },
    });
    return [health];
  },
  deadlines: { defaultTimeoutMs: 5_000, maxTimeoutMs: 5_000 },
  leanUnary: false,
  log: pino({ level: "trace" }, { write: (line: string) => void lines.push(line) }),
});
const server = createServer((request, response) => {
  last = response;
  handler.handle(request, response);
});

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  clients = openClients(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(() => {
  clients.close();
  server.close();
});

test.each([
  [true, "a caller who is gone before the answer is no defect", 0],
  [false, "control: a handler that throws is one", 1],
])("%s: %s", async (isGone, _, errors) => {
  goes = isGone;
  lines.length = 0;
  await expect(clients.health.check({}, isGone ? { signal: caller.signal } : {})).rejects.toThrow();
  // The call is over for the handler once its stream is closed; what is logged of it comes after.
  await sleep(100);
  expect(lines.filter((line) => line.includes('"level":50')).length).toBe(errors);
});
