import { afterAll, beforeAll, expect, test } from "vitest";
import { as } from "../support/clients.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { failureOfResponse, openWire, responseOf, type Wire } from "../support/wire.ts";

let service: TestService;
let wire: Wire;
beforeAll(async () => {
  service = await startTestService({ defaultTimeoutMs: 300, streamIdleMs: 300 });
  await service.provision("acme");
  wire = await openWire(service.address);
});
afterAll(async () => {
  wire.close();
  await service.close();
});

const { headers: employee } = as("employee", "acme", "0b9f2f0e-5a3c-4d8e-9c55-3f1f6f0c7a01");
const streams: readonly (readonly [path: string, reason: string, headers?: Record<string, string>])[] = [
  ["/grpc.health.v1.Health/Watch", "DEADLINE_EXCEEDED"],
  ["/wellvault.v1.PrivacyService/ExportEmployee", "DEADLINE_EXCEEDED", employee],
  ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "STREAM_IDLE"],
  ["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "STREAM_IDLE"],
];

// A call that has no deadline must not hold what was sent of its request for ever.
test.each(
  streams.flatMap(([path, reason, headers = {}]) => [
    { path, reason, headers, what: "nothing", sent: Buffer.alloc(0) },
    { path, reason, headers, what: "half a message", sent: Buffer.of(0, 0, 0, 0, 10, 10, 8, 1) },
  ]),
)("a caller of $path who sends $what is ended", async ({ path, reason, headers, sent }) => {
  const stream = wire.open(path, { "content-type": "application/grpc", ...headers });
  const closed = new Promise((done) => stream.once("close", done));
  if (sent.byteLength > 0) stream.write(sent);
  expect(failureOfResponse(await responseOf(stream))).toMatchObject({ reason });
  await closed;
});
