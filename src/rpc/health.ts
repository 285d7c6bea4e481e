import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { errors } from "../errors.ts";
import {
  type Health,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "../gen/grpc/health/v1/health_pb.ts";
import { abortReason, toConnectError } from "./connect-error.ts";

/** Letters of an unknown service's name that are told back at most. */
const maxToldName = 200;

/** The state of each service, as grpc.health.v1 tells it. The empty name is the whole server. */
export interface HealthState {
  /** Sets every service, and the server, to serving or not. */
  setServing(serving: boolean): void;
  /** Whether the server is serving. */
  readonly serving: boolean;
  /** Watches that wait for a change. */
  readonly watching: number;
  /** The implementation of grpc.health.v1.Health. */
  readonly service: ServiceImpl<typeof Health>;
}

/**
 * Keeps the health of the services named.
 *
 * @param services full names of the services; a watch of another name is told SERVICE_UNKNOWN
 */
export function createHealthState(services: readonly string[]): HealthState {
  const known = new Set(["", ...services]);
  const watchers = new Set<() => void>();
  let serving = false;

  const statusOf = (service: string): Status =>
    !known.has(service) ? Status.SERVICE_UNKNOWN : serving ? Status.SERVING : Status.NOT_SERVING;
  const response = (service: string): HealthCheckResponse =>
    create(HealthCheckResponseSchema, { status: statusOf(service) });

  return {
    get serving() {
      return serving;
    },
    get watching() {
      return watchers.size;
    },
    setServing(value) {
      if (value === serving) return;
      serving = value;
      for (const notify of watchers) notify();
    },
    service: {
      check({ service }) {
        if (!known.has(service)) {
          // Trailers are small, and whoever asks need not be.
          throw errors.notFound({ type: "grpc.health.v1.Health", name: service.slice(0, maxToldName) });
        }
        return response(service);
      },
      list() {
        return { statuses: Object.fromEntries([...known].map((service) => [service, response(service)])) };
      },
      async *watch({ service }, { signal }) {
        let told: Status | undefined;
        while (!signal.aborted) {
          const status = statusOf(service);
          if (status !== told) {
            told = status;
            yield response(service);
            continue;
          }
          await new Promise<void>((wake) => {
            const done = () => {
              watchers.delete(done);
              signal.removeEventListener("abort", done);
              wake();
            };
            watchers.add(done);
            signal.addEventListener("abort", done, { once: true });
          });
        }
        // The stream has no end of its own: it ends by a deadline, or because the caller or the server
        // goes away.
        throw toConnectError(abortReason(signal));
      },
    },
  };
}
