import { afterAll, beforeAll, expect, test } from "vitest";
import { as, openClients, protocols } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

test.each(protocols.filter((protocol) => !protocol.endsWith("http1")))(
  "metadata beyond 16 KiB is refused over %s, and less is not",
  async (protocol) => {
    const clients = openClients(service.address, protocol);
    const call = (size: number) =>
      clients.metrics.listMetricKinds({}, { headers: { ...as("auditor").headers, "x-pad": "x".repeat(size) } });
    try {
      expect((await call(12_000)).kinds.length).toBeGreaterThan(0);
      expect(await failureOf(call(20_000))).toMatchObject({ code: "InvalidArgument", reason: "REQUEST_MALFORMED" });
    } finally {
      clients.close();
    }
  },
);
