import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { StreamSamplesRequestSchema } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { as, openClients, type Protocol } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import {
  type Batch,
  openGrpcJsSampleStream,
  openSampleStream,
  refusalOf,
  type SampleStream,
  storedOf,
} from "../support/sample-streams.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { envelope, failureOfResponse, openWire, responseOf, type Wire } from "../support/wire.ts";

// No stream takes the lean path; the calls beside them do, on the same connections.
describe.each([
  ["on", true],
  ["off", false],
] as const)("with the lean path %s:", (_, leanUnary) => {
  let service: TestService;
  let wire: Wire;
  let tenant: string;
  let employeeId: string;
  beforeAll(async () => {
    service = await startTestService({ leanUnary });
    tenant = await service.provision("acme");
    employeeId = await service.hire(tenant);
    wire = await openWire(service.address);
  });
  afterAll(async () => {
    wire.close();
    // Nothing of what this file sends is a defect of the service.
    expect(service.logLines).toEqual([]);
    await service.close();
  });

  const path = "/wellvault.v1.MetricService/StreamSamples";
  const ingest = () => as("ingest_service", tenant);
  let seconds = 0n;
  const next = () => sample({ startTime: fromMicros(monday + ++seconds * 1_000_000n) });

  const clients: [name: string, open: () => { stream: SampleStream; close: () => void }][] = [
    ["grpc-js", () => ({ stream: openGrpcJsSampleStream(service.address, ingest()), close: () => undefined })],
    ...(["grpc", "grpc-web", "connect", "connect-binary"] as const).map((protocol): (typeof clients)[number] => [
      protocol,
      () => {
        const opened = openClients(service.address, protocol);
        return { stream: openSampleStream(opened, ingest()), close: () => opened.close() };
      },
    ]),
  ];

  test.each(clients)("%s is told of stored, bad and refused, and of what ends the stream", async (_, open) => {
    const { stream, close } = open();
    const bad = sample({ value: 301 });
    expect(storedOf(await stream.put({ batchNumber: 1n, employeeId, samples: [next(), bad] }))).toEqual({
      insertedCount: 1,
      replacedCount: 0,
      unchangedCount: 0,
      staleCount: 0,
      refusedCount: 1,
      refusedIndexes: [1],
      violations: [
        {
          $typeName: "wellvault.v1.SampleViolation",
          index: 1,
          field: "samples[1].value",
          reason: "VALUE_BOUNDS",
          description: "must be from 1 to 300 /min for heart_rate",
        },
      ],
      violationCount: 1,
    });
    expect(refusalOf(await stream.put({ batchNumber: 2n, employeeId, samples: [] })).message).toMatch(/^samples: /);
    const unknown = { batchNumber: 3n, employeeId: crypto.randomUUID(), samples: [next()] };
    expect(refusalOf(await stream.put(unknown)).message).toMatch(/no Employee/);
    expect(await failureOf(stream.put({ batchNumber: 3n, employeeId, samples: [next()] }))).toMatchObject({
      code: "InvalidArgument",
      reason: "FIELD_INVALID",
      fields: ["batch_number"],
    });
    close();
  });

  test.each<[Protocol, string]>([
    ["connect-http1", "application/connect+json"],
    ["grpc-web-http1", "application/grpc-web+proto"],
  ])("HTTP/1.1 is refused with what to do (%s)", async (protocol, type) => {
    const response = await fetch(`${service.address}${path}`, {
      method: "POST",
      headers: { "content-type": type, ...ingest().headers },
      body: new Uint8Array(envelope(new Uint8Array())),
    });
    const told = [...response.headers.values(), await response.text()].join("\n");
    expect(decodeURIComponent(told)).toContain("bidirectional streams need HTTP/2");
    if (protocol === "connect-http1") expect(response.status).toBe(505);
    // A client that is set to HTTP/1.1 fails too, instead of waiting for ever.
    const opened = openClients(service.address, protocol);
    const stream = openSampleStream(opened, ingest());
    const error = await stream
      .put({ batchNumber: 1n, employeeId, samples: [next()] })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectError);
    opened.close();
  });

  const encode = (batch: Batch) => toBinary(StreamSamplesRequestSchema, create(StreamSamplesRequestSchema, batch));

  async function isStored(one: ReturnType<typeof next>): Promise<boolean> {
    const { samples } = await service.clients.metrics.listSamples({ employeeId }, as("employee", tenant, employeeId));
    return samples.some(({ startTime }) => startTime?.seconds === one.startTime?.seconds);
  }

  test.each<[string, () => Uint8Array, object]>([
    [
      "damaged Protobuf",
      () => envelope(Buffer.from("ff00ff00ff", "hex")),
      { code: "InvalidArgument", reason: "REQUEST_MALFORMED" },
    ],
    [
      "an envelope that is cut off",
      () => envelope(encode({ batchNumber: 2n, employeeId, samples: [next()] })).subarray(0, 30),
      { code: "InvalidArgument", reason: "REQUEST_MALFORMED" },
    ],
    [
      "a message of 4 MiB and a byte",
      () => envelope(Buffer.alloc(4 * 1_024 * 1_024 + 1)),
      { code: "ResourceExhausted", reason: "MESSAGE_TOO_LARGE" },
    ],
  ])("%s ends the stream, and the batch before it is stored and acknowledged", async (_, damaged, expected) => {
    const good = next();
    const stream = wire.open(path, { "content-type": "application/grpc", ...ingest().headers });
    const response = responseOf(stream);
    stream.write(envelope(encode({ batchNumber: 1n, employeeId, samples: [good] })));
    await new Promise((done) => stream.once("data", done));
    stream.end(damaged());
    expect(failureOfResponse(await response)).toMatchObject(expected);
    expect(await isStored(good)).toBe(true);
  });

  test.each<[type: string, encoding: string, source: string]>([
    ["application/connect+json", "", "plain"],
    ["application/grpc+json", "", "plain_grpc"],
    ["application/connect+json", "connect-content-encoding", "packed"],
    ["application/grpc+json", "grpc-encoding", "packed_grpc"],
  ])("a time in JSON that does not exist is not taken for another one (%s %s)", async (type, encoding, source) => {
    const message = (batchNumber: number, startTime: string) => {
      const samples = [{ kind: "heart_rate", startTime, utcOffsetMinutes: 0, value: 60, source, version: "1" }];
      const json = Buffer.from(JSON.stringify({ batchNumber, employeeId, samples }));
      return encoding === "" ? json : { data: gzipSync(json), flags: 1 };
    };
    const sent = envelope(
      message(1, "2024-02-29T08:00:00Z"),
      message(2, "2023-02-29T08:00:00Z"),
      message(3, "2024-03-02T08:00:00Z"),
    );
    const headers = { "content-type": type, ...ingest().headers, ...(encoding === "" ? {} : { [encoding]: "gzip" }) };
    const { body, trailers } = await wire.send(path, headers, sent);
    const told = decodeURIComponent([body.toString(), ...trailers.values()].join("\n"));
    expect(told).toContain("samples[0].start_time: must be a date and time that exist");
    const { samples } = await service.clients.metrics.listSamples(
      { employeeId, source },
      as("employee", tenant, employeeId),
    );
    expect(samples.map(({ civilDate }) => civilDate)).toEqual(["2024-02-29"]);
  });
});
