import type { Logger } from "pino";
import { errors } from "../errors.ts";
import { checkAccessRules } from "../identity/access-rules.ts";
import type { Identity } from "../identity/open-identity.ts";
import type { ControlStore } from "../tenancy/control-store.ts";
import type { TenantDirectory } from "../tenancy/directory.ts";
import type { TenantSessions } from "../tenancy/sessions.ts";
import type { RunVerification } from "../verify/verification-handlers.ts";
import { createCallInterceptor } from "./call-interceptor.ts";
import { createGate } from "./gate.ts";
import { createHealthState } from "./health.ts";
import { listen } from "./listener.ts";
import { createNodeHandler, maxPublicMessageBytes } from "./node-handler.ts";
import { apiServices, healthServiceNames, registerApi, registerServer, warmUpServices } from "./services.ts";

/** What a server is made of. */
export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
  /** Connections of callers that may be open at the same time. */
  readonly maxConnections: number;
  readonly drainTimeoutMs: number;
  /** Streams of samples that may be open at the same time. */
  readonly sampleStreams: number;
  /** For how long a stream may stand still because of its caller, in milliseconds. */
  readonly streamIdleMs: number;
  /** Whether unary gRPC takes the lean path; otherwise Connect serves it like all the rest. */
  readonly leanUnary: boolean;
  readonly identity: Identity;
  readonly store: ControlStore;
  readonly directory: TenantDirectory;
  readonly sessions: TenantSessions;
  /** Verifies the isolation of tenants; without it there is no VerificationService. */
  readonly runVerification?: RunVerification | undefined;
  readonly log: Logger;
}

/** A running server. */
export interface Server {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly address: string;
  /**
   * Stops it: reports NOT_SERVING, refuses new calls, lets running ones finish for at most
   * `drainTimeoutMs`, then cuts what is left. Returns whether everything finished.
   */
  stop(): Promise<boolean>;
}

/** How often the database is asked whether it is there, in milliseconds. */
const probeMs = 1_000;

/** How long the last answers may take to reach their callers, in milliseconds. */
const lastWordMs = 1_000;

/** Starts serving. Resolves when the port is open and the database was asked once. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { log, sessions, identity } = options;
  checkAccessRules(apiServices);
  warmUpServices();

  const health = createHealthState(healthServiceNames);
  const { store, directory, runVerification } = options;
  // Streams have no end of their own: they end when draining begins, other calls when it is over.
  const endStreams = new AbortController();
  const endCalls = new AbortController();
  const parts = {
    ...{ store, directory, sessions, health, runVerification },
    sampleStreams: {
      streams: options.sampleStreams,
      idleMs: options.streamIdleMs,
      batchMs: options.defaultTimeoutMs,
    },
    draining: endStreams.signal,
  };
  const handler = createNodeHandler({
    routes: (router) => {
      const interceptors = [createCallInterceptor(log)];
      const api = router({
        requestGate: createGate({ ...options, authenticate: identity.authenticate }),
        interceptors,
        shutdownSignal: endCalls.signal,
      });
      registerApi(api, parts);
      const server = router({
        interceptors,
        shutdownSignal: endStreams.signal,
        readMaxBytes: maxPublicMessageBytes,
      });
      registerServer(server, parts);
      return [api, server];
    },
    deadlines: options,
    leanUnary: options.leanUnary,
    streamStallMs: options.streamIdleMs,
    log,
  });

  const probe = startProbe(sessions, (reachable) => health.setServing(reachable));
  await probe.first;
  const listener = await listen({ ...options, tls: identity.tls, handler }).catch((error: unknown) => {
    probe.stop();
    throw error;
  });

  identity.onTlsChange((material) => listener.renewTls(material));
  const scheme = identity.tls ? "https" : "http";
  return {
    address: `${scheme}://${options.host.includes(":") ? `[${options.host}]` : options.host}:${listener.port}`,
    async stop() {
      probe.stop();
      health.setServing(false);
      handler.refuse();
      // Let a watcher hear of it before its stream ends.
      await new Promise((done) => setImmediate(done));
      listener.close();
      endStreams.abort(errors.draining());
      const finished = await withinMs(options.drainTimeoutMs, handler.idle());
      if (!finished) endCalls.abort(errors.draining());
      // The last answers are on their way, and calls that were cut off are told so: a connection that is
      // destroyed now would lose them.
      await withinMs(
        lastWordMs,
        handler.idle().then(() => listener.closed()),
      );
      listener.destroy();
      return finished;
    },
  };
}

/** Whether the promise is settled within a time. */
async function withinMs(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((done) => {
    timer = setTimeout(() => done(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function startProbe(
  sessions: TenantSessions,
  report: (reachable: boolean) => void,
): { first: Promise<void>; stop: () => void } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const ask = async (): Promise<void> => {
    const reachable = await sessions.ping().catch(() => false);
    if (stopped) return;
    report(reachable);
    timer = setTimeout(() => void ask(), probeMs);
    timer.unref();
  };
  return {
    first: ask(),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
