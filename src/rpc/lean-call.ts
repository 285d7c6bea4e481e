import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { ConnectError, createContextValues, type HandlerContext, type UnaryResponse } from "@connectrpc/connect";
import type { Logger } from "pino";
import { errors, type WellvaultError } from "../errors.ts";
import { callKey } from "./call.ts";
import { readMs, stopStreamAfter } from "./call-end.ts";
import { fromProtocolError, internal, toCatalogueError, toConnectError } from "./connect-error.ts";
import { applyDeadline, checkGrpcTimeout, type DeadlineLimits } from "./deadline.ts";
import type { DecodeTurns } from "./decode-turns.ts";
import {
  type Compressions,
  chooseCompressions,
  decompress,
  encode,
  envelop,
  grpcHeaders,
  grpcProto,
  isCompressed,
} from "./grpc-protocol.ts";
import { grpcOk, setErrorStatus } from "./grpc-status.ts";
import { invokeUnary } from "./invoke-unary.ts";
import type { LeanMethod } from "./lean-method.ts";
import { MessageReader } from "./message-reader.ts";
import { headersOf, withHeaders } from "./node-headers.ts";
import { credentialsKey, credentialsOf } from "./peer.ts";

/** What a {@link LeanCall} needs besides its method. */
export interface LeanCallParts {
  readonly deadlines: DeadlineLimits;
  readonly log: Logger;
  readonly decodeTurns: DecodeTurns;
  /** Told once, when the call is over. */
  readonly onOver: () => void;
}

/** One unary call of gRPC on a bare stream of HTTP/2, from its headers to its close. */
export class LeanCall {
  readonly #method: LeanMethod;
  readonly #stream: ServerHttp2Stream;
  readonly #parts: LeanCallParts;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #body: MessageReader<MessageShape<DescMessage>> | undefined;
  #isAnswered = false;

  constructor(method: LeanMethod, stream: ServerHttp2Stream, parts: LeanCallParts) {
    this.#method = method;
    this.#stream = stream;
    this.#parts = parts;
    method.running.add(this);
    stream.on("close", () => this.#end());
    // The close that follows says all there is to say: the caller is gone.
    stream.on("error", ignore);
  }

  /**
   * Serves the call: gate, body, handler, answer. Whatever goes wrong is answered.
   *
   * @param origin scheme and authority that the call was sent to
   */
  async serve(origin: string, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): Promise<void> {
    try {
      const { spec, requestGate, interceptors, acceptCompression } = this.#method;
      const header = headersOf(headers);
      const timeoutMs = applyDeadline(header, this.#parts.deadlines);
      if (timeoutMs !== undefined) this.#limit(timeoutMs);
      const context = this.#contextOf(origin, header, timeoutMs);
      context.values.set(credentialsKey, credentialsOf(this.#stream.session?.socket, rawHeaders));
      if (requestGate) await requestGate(context);
      const compressions = chooseCompressions(acceptCompression, header);
      checkGrpcTimeout(header.get(grpcHeaders.timeout));
      this.#controller.signal.throwIfAborted();
      const input = await this.#receive(compressions, this.#ownerOf(context));
      await this.#succeed(await invokeUnary(spec, context, input, interceptors), compressions);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Answers a call that is not served at all. */
  refuse(error: WellvaultError, headers: IncomingHttpHeaders): void {
    this.#fail(error, headers["content-type"]);
  }

  /** Ends the call: its signal fires, and it is answered with the reason if it was not answered. */
  abort(reason: WellvaultError): void {
    this.#controller.abort(reason);
    this.#fail(reason);
  }

  #contextOf(origin: string, requestHeader: Headers, timeoutMs: number | undefined): HandlerContext {
    const { spec, path } = this.#method;
    const endsAt = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
    return {
      method: spec.method,
      service: spec.method.parent,
      protocolName: "grpc",
      requestMethod: "POST",
      url: origin + path,
      signal: this.#controller.signal,
      timeoutMs: () => (endsAt === undefined ? undefined : endsAt - performance.now()),
      requestHeader,
      responseHeader: new Headers(),
      responseTrailer: new Headers(),
      values: createContextValues(),
    };
  }

  /** Whose turn a large message takes: its tenant's, or where there is none its connection's. */
  #ownerOf({ values }: HandlerContext): unknown {
    return values.get(callKey)?.tenant?.tenantId ?? this.#stream.session;
  }

  /** Reads the one message of the request. A signal that fires meanwhile answers the call by itself. */
  #receive({ request }: Compressions, owner: unknown): Promise<MessageShape<DescMessage>> {
    const { readMaxBytes, parse, requestGate } = this.#method;
    const { decodeTurns } = this.#parts;
    const { signal } = this.#controller;
    // What anybody may call takes small messages alone, and nobody's turn.
    const decode = requestGate ? (data: Uint8Array) => decodeTurns.run(owner, data, signal, parse) : parse;
    this.#body = new MessageReader(this.#stream, readMaxBytes, (envelope) =>
      isCompressed(envelope) ? decompress(envelope, request, readMaxBytes).then(decode) : decode(envelope.data),
    );
    return this.#body.read();
  }

  async #succeed({ message, header, trailer }: UnaryResponse, { response }: Compressions): Promise<void> {
    const { compressMinBytes, serialize } = this.#method;
    const data = serialize(message);
    const isLarge = response !== undefined && data.byteLength >= compressMinBytes;
    const envelope = isLarge ? await envelop(data, response) : encode(0, data);
    const head: Record<string, string | number> = { ":status": 200, "content-type": grpcProto };
    if (response) head[grpcHeaders.encoding] = response.name;
    const headers = withHeaders(head, header);
    const trailers = { ...withHeaders({}, trailer), [grpcHeaders.status]: grpcOk };
    if (!this.#mayAnswer()) return;
    // What Node refuses to send is found before anything is sent, and the call is answered with an error.
    this.#stream.respond(headers, { waitForTrailers: true });
    this.#isAnswered = true;
    this.#stream.on("wantTrailers", () => this.#orClose(() => this.#stream.sendTrailers(trailers)));
    this.#stream.end(envelope);
  }

  /** Answers with an error: "trailers only", its status stands in the headers. */
  #fail(error: unknown, contentType = grpcProto): void {
    if (!this.#mayAnswer()) return;
    const trailer = Object.fromEntries(setErrorStatus(new Headers(), this.#toWire(error)));
    const headers = { ":status": 200, "content-type": contentType, ...trailer };
    this.#isAnswered = true;
    this.#orClose(() => this.#stream.respond(headers, { endStream: true }));
    // Nobody waits for what is still under way for it.
    this.#controller.abort(error);
    if (this.#stream.readableEnded) return;
    this.#body?.drop();
    this.#stream.resume();
    stopStreamAfter(this.#stream);
  }

  /** Sends what Node may refuse to send; then there is nothing left but to cut the call off. */
  #orClose(send: () => void): void {
    try {
      send();
    } catch (error) {
      internal(error, this.#parts.log);
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  #toWire(error: unknown): ConnectError {
    const { log } = this.#parts;
    if (!(error instanceof ConnectError)) return toConnectError(toCatalogueError(error, log, this.#controller.signal));
    return error.details.length === 0 ? toConnectError(fromProtocolError(error, log)) : error;
  }

  /** Whether the call may be answered. */
  #mayAnswer(): boolean {
    return !(this.#isAnswered || this.#stream.closed || this.#stream.destroyed);
  }

  /** Ends the call at its deadline, and cuts it off when its answer is not read for some time after that. */
  #limit(timeoutMs: number): void {
    // The gate still says first who may not call at all.
    if (timeoutMs <= 0) this.#controller.abort(errors.deadlineExceeded());
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => this.#stream.destroy(), readMs).unref();
      this.abort(errors.deadlineExceeded());
    }, timeoutMs);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#method.running.delete(this);
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.#controller.abort(errors.cancelled());
    }
    this.#parts.onOver();
  }
}

const ignore = () => undefined;
