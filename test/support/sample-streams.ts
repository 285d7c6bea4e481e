import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type CallOptions, ConnectError } from "@connectrpc/connect";
import { createWritableIterable } from "@connectrpc/connect/protocol";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  MetricService,
  type StreamSamplesRequest,
  StreamSamplesRequestSchema,
  type StreamSamplesResponse,
  StreamSamplesResponseSchema,
} from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import type { RefusedSampleBatch, StoredSampleBatch } from "../../src/gen/wellvault/v1/sample_batch_pb.ts";
import type { Clients } from "./clients.ts";
import { fromServiceError } from "./grpc-js.ts";

/** A batch as a test sends it. */
export type Batch = Exclude<MessageInitShape<typeof StreamSamplesRequestSchema>, StreamSamplesRequest>;

/** A call of StreamSamples, whatever the client. */
export interface SampleStream {
  /** Sends a batch, whether or not those before were acknowledged. */
  send(batch: Batch): void;
  /** Resolves with the next response; rejects with a ConnectError when the stream ended with one. */
  next(): Promise<StreamSamplesResponse>;
  /** Sends a batch and resolves with the next response. */
  put(batch: Batch): Promise<StreamSamplesResponse>;
  /** Says that nothing more is sent, and resolves with the responses that were still to come. */
  finish(): Promise<StreamSamplesResponse[]>;
  /** Goes away without a word. */
  cancel(): void;
}

/** Opens a stream by a client of Connect. */
export function openSampleStream({ metrics }: Pick<Clients, "metrics">, options: CallOptions): SampleStream {
  const requests = createWritableIterable<Batch>();
  const abort = new AbortController();
  const responses = metrics.streamSamples(requests, { ...options, signal: abort.signal })[Symbol.asyncIterator]();
  return sampleStream({
    responses,
    // What is sent after the end is lost, as on any connection.
    send: (batch) => void requests.write(batch).catch(() => undefined),
    end: () => requests.close(),
    cancel: () => abort.abort(),
  });
}

/** Opens a stream by @grpc/grpc-js, over a connection of its own. */
export function openGrpcJsSampleStream(address: string, { headers, timeoutMs }: CallOptions): SampleStream {
  const { parent, name } = MetricService.method.streamSamples;
  const client = new Client(new URL(address).host, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  const metadata = new Metadata();
  new Headers(headers).forEach((value, key) => {
    metadata.set(key, value);
  });
  const call = client.makeBidiStreamRequest(
    `/${parent.typeName}/${name}`,
    (batch: Batch) => Buffer.from(toBinary(StreamSamplesRequestSchema, create(StreamSamplesRequestSchema, batch))),
    (bytes: Buffer) => fromBinary(StreamSamplesResponseSchema, bytes),
    metadata,
    timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
  );
  call.on("close", () => client.close());
  const responses = call[Symbol.asyncIterator]() as AsyncIterator<StreamSamplesResponse>;
  return sampleStream({
    responses: {
      next: () =>
        responses.next().catch((error: ServiceError) => {
          throw fromServiceError(error);
        }),
    },
    send: (batch) => void call.write(batch),
    end: () => call.end(),
    cancel: () => call.cancel(),
  });
}

interface Parts {
  readonly responses: AsyncIterator<StreamSamplesResponse>;
  readonly send: (batch: Batch) => void;
  readonly end: () => void;
  readonly cancel: () => void;
}

function sampleStream({ responses, send, end, cancel }: Parts): SampleStream {
  const next = async () => {
    const { done, value } = await responses.next();
    if (done) throw new Error("the stream is over");
    return value;
  };
  return {
    send,
    next,
    cancel,
    async put(batch) {
      send(batch);
      return await next();
    },
    async finish() {
      end();
      return await Array.fromAsync({ [Symbol.asyncIterator]: () => responses });
    },
  };
}

/** What a response says was stored. Fails when the batch was refused. */
export function storedOf({ outcome }: StreamSamplesResponse): Omit<StoredSampleBatch, "$typeName"> {
  if (outcome.case !== "stored") throw new Error(`not stored: ${JSON.stringify(outcome.value)}`);
  const { $typeName, ...stored } = outcome.value;
  return stored;
}

/** Why a response says that a batch was refused. Fails when it was stored. */
export function refusalOf({ outcome }: StreamSamplesResponse): RefusedSampleBatch {
  if (outcome.case !== "refused") throw new Error("the batch was stored");
  return outcome.value;
}

/** The error with which a stream ends; fails when it does not. */
export async function endOf(stream: SampleStream): Promise<unknown> {
  try {
    for (;;) await stream.next();
  } catch (error) {
    if (error instanceof ConnectError) throw error;
    return undefined;
  }
}
