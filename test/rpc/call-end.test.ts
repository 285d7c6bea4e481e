import { EventEmitter, once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { cutOffAfter } from "../../src/rpc/call-end.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());
afterEach(() => void vi.useRealTimers());

test("a caller that does not read its answer is cut off some time after its deadline, and no other", () => {
  vi.useFakeTimers();
  const destroyed: string[] = [];
  const call = (name: string) => {
    const response = new EventEmitter();
    const request = { stream: { destroy: () => destroyed.push(name) } };
    cutOffAfter(request as never, response as never, 1_000);
    return response;
  };
  call("never reads");
  call("has read").emit("close");
  vi.advanceTimersByTime(1_000);
  expect(destroyed).toEqual([]);
  vi.advanceTimersByTime(60_000);
  expect(destroyed).toEqual(["never reads"]);
});

async function checkHealth(session: ClientHttp2Session): Promise<number> {
  const stream = session.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/json",
  });
  stream.end("{}");
  stream.resume();
  const [headers] = (await once(stream, "response")) as [{ ":status": number }];
  return headers[":status"];
}

test("a connection that carries many callers outlives that thousands of them cancel", { timeout: 60_000 }, async () => {
  const session = connect(service.address);
  const goaway = vi.fn();
  session.on("goaway", goaway).on("error", () => undefined);
  for (let round = 0; round < 20; round++) {
    const streams = Array.from({ length: 100 }, () =>
      session.request({
        ":method": "POST",
        ":path": "/grpc.health.v1.Health/Check",
        "content-type": "application/json",
      }),
    );
    const closed = streams.map((stream) =>
      once(
        stream.on("error", () => undefined),
        "close",
      ),
    );
    for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
    await Promise.all(closed);
  }
  expect(await checkHealth(session)).toBe(200);
  expect(goaway).not.toHaveBeenCalled();
  session.close();
});
