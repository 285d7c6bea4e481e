import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PutSamplesRequestSchema } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { findUnrealTimes } from "../../src/rpc/json-times.ts";
import { startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let tenantId: string;
let employeeId: string;
beforeAll(async () => {
  service = await startTestService();
  tenantId = await service.provision();
  employeeId = await service.hire(tenantId);
});
afterAll(() => service.close());

async function putWeight(startTime: string, compress = false): Promise<{ status: number; text: string }> {
  const sample = { kind: "weight", startTime, utcOffsetMinutes: 0, value: 70, source: "manual", version: "1" };
  const body = JSON.stringify({ employeeId, samples: [sample] });
  const response = await fetch(`${service.address}/wellvault.v1.MetricService/PutSamples`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-role": "ingest_service",
      "x-tenant-id": tenantId,
      ...(compress ? { "content-encoding": "gzip" } : {}),
    },
    body: compress ? gzipSync(body) : body,
  });
  return { status: response.status, text: await response.text() };
}

test.each(["2023-02-29T10:00:00Z", "2023-02-31T24:00:00Z", "2023-04-31T00:00:00Z", "2023-13-01T00:00:00Z"])(
  "a value for %s, which is no day, is refused and not stored on another day",
  async (time) => {
    for (const compress of [false, true]) {
      const { status, text } = await putWeight(time, compress);
      expect({ status, text }).toMatchObject({ status: 400, text: expect.stringContaining("invalid_argument") });
      if (!time.startsWith("2023-13")) expect(text).toContain("samples[0].start_time");
    }
  },
);

test("days that exist are taken, leap days and offsets too", async () => {
  for (const time of ["2024-02-29T23:59:59Z", "2000-02-29T00:00:00.5+14:00", "2023-12-31T00:00:00-12:00"]) {
    expect(await putWeight(time, true)).toMatchObject({ status: 200 });
  }
});

test("what is no message is left for the reader to refuse", () => {
  for (const json of [undefined, null, 1, "x", [], { samples: 1 }, { samples: [null, 3, { startTime: 5 }] }]) {
    expect(findUnrealTimes(PutSamplesRequestSchema, json)).toEqual([]);
  }
  expect(findUnrealTimes(PutSamplesRequestSchema, { samples: [{}, { start_time: "2023-02-30T00:00:00Z" }] })).toEqual([
    expect.objectContaining({ field: "samples[1].start_time" }),
  ]);
});
