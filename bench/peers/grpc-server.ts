import { type handleUnaryCall, type Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import {
  codec,
  type ListEntriesRequest,
  type ListEntriesResponse,
  type PutEntryRequest,
  type PutEntryResponse,
  type PutSamplesRequest,
  type PutSamplesResponse,
} from "./messages.ts";

/** What a peer does for a tenant. */
export interface PeerHandlers {
  putEntry(tenantId: string, request: PutEntryRequest): Promise<PutEntryResponse>;
  listEntries(tenantId: string, request: ListEntriesRequest): Promise<ListEntriesResponse>;
  putSamples(tenantId: string, request: PutSamplesRequest): Promise<PutSamplesResponse>;
}

/** What the caller is to be told, with gRPC's code. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** A peer that listens. */
export interface PeerServer {
  readonly port: number;
  /** Cuts every connection and ends the server. */
  stop(): void;
}

/**
 * Serves handlers with grpc-js on a free port of this machine, with the windows of its defaults made as large as
 * Wellvault's, so that a batch does not wait for them.
 */
export async function serveWithGrpcJs(handlers: PeerHandlers): Promise<PeerServer> {
  const server = new Server({
    "grpc.max_concurrent_streams": 256,
    "grpc-node.flow_control_window": 4 * 1_024 * 1_024,
    // Like Wellvault with its log at `info`, a peer says nothing of calls that go well.
    "grpc.enable_channelz": 0,
  });
  const methods = {
    "/wellvault.v1.EmployeeLogService/PutLogEntry": method(
      codec<PutEntryRequest>("PutLogEntryRequest"),
      codec<PutEntryResponse>("PutLogEntryResponse"),
      handlers.putEntry,
    ),
    "/wellvault.v1.EmployeeLogService/ListLogEntries": method(
      codec<ListEntriesRequest>("ListLogEntriesRequest"),
      codec<ListEntriesResponse>("ListLogEntriesResponse"),
      handlers.listEntries,
    ),
    "/wellvault.v1.MetricService/PutSamples": method(
      codec<PutSamplesRequest>("PutSamplesRequest"),
      codec<PutSamplesResponse>("PutSamplesResponse"),
      handlers.putSamples,
    ),
  };
  for (const [path, { handle, request, response }] of Object.entries(methods)) {
    server.register(path, handle as never, response as never, request as never, "unary");
  }
  return await new Promise((done, fail) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? fail(error) : done({ port, stop: () => server.forceShutdown() }),
    );
  });
}

/** What the metadata claims, believed as the service's development identity believes it. */
function tenantOf(metadata: Metadata, employeeId: string): string {
  const [tenantId] = metadata.get("x-tenant-id");
  const [caller] = metadata.get("x-employee-id");
  if (!tenantId || caller !== employeeId) throw new PeerError(status.PERMISSION_DENIED, "not the caller's data");
  return String(tenantId);
}

function method<Request extends { readonly employeeId: string }, Response>(
  requests: { decode(bytes: Uint8Array): Request },
  responses: { encode(message: Response): Buffer },
  work: (tenantId: string, request: Request) => Promise<Response>,
) {
  const handle: handleUnaryCall<Request, Response> = ({ metadata, request }, callback) => {
    new Promise<Response>((done) => done(work(tenantOf(metadata, request.employeeId), request))).then(
      (response) => callback(null, response),
      (error: unknown) => callback(error instanceof PeerError ? error : { code: status.INTERNAL, message: "failed" }),
    );
  };
  return { handle, request: (bytes: Buffer) => requests.decode(bytes), response: responses.encode };
}
