import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import type { Protocol } from "./clients.ts";

/** Makes unary calls of any method, so that one scenario can be run by many clients. */
export interface Caller {
  /** Calls a method and returns its response. Fails with a ConnectError, whatever the client. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<MessageShape<O>>;
  /** Closes the connection. */
  close(): void;
}

/** How {@link openCaller} speaks besides the protocol. */
export interface CallerOptions {
  /** Compresses every request by gzip and takes compressed responses only by gzip. */
  readonly gzip?: boolean;
  /** Sends methods without side effects as HTTP GET; for the Connect protocol. */
  readonly useHttpGet?: boolean;
  /** Sends JSON where the protocol's usual format is Protobuf. */
  readonly json?: boolean;
}

/** Opens a caller over connect-node in one of the protocols. */
export function openCaller(baseUrl: string, protocol: Protocol, options: CallerOptions = {}): Caller {
  const sessionManager = new Http2SessionManager(baseUrl);
  const common = {
    baseUrl,
    useHttpGet: options.useHttpGet ?? false,
    ...(options.gzip
      ? { sendCompression: compressionGzip, acceptCompression: [compressionGzip], compressMinBytes: 0 }
      : {}),
  };
  const http2 = { ...common, httpVersion: "2", sessionManager } as const;
  const http1 = { ...common, httpVersion: "1.1" } as const;
  const transport = {
    grpc: () => createGrpcTransport({ ...common, sessionManager, useBinaryFormat: !options.json }),
    "grpc-web": () => createGrpcWebTransport({ ...http2, useBinaryFormat: !options.json }),
    "grpc-web-http1": () => createGrpcWebTransport({ ...http1, useBinaryFormat: !options.json }),
    connect: () => createConnectTransport({ ...http2, useBinaryFormat: false }),
    "connect-http1": () => createConnectTransport({ ...http1, useBinaryFormat: false }),
    "connect-binary": () => createConnectTransport({ ...http2, useBinaryFormat: true }),
  }[protocol]();
  return {
    async call<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      request: MessageInitShape<I>,
      { headers, signal, timeoutMs }: CallOptions = {},
    ) {
      const message = create(method.input, request);
      const response = await transport.unary(method, signal, timeoutMs, headers, message as MessageInitShape<I>);
      return response.message;
    },
    close: () => sessionManager.abort(),
  };
}
