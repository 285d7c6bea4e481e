import { type CallOptions, type Client, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { EmployeeLogService } from "../../src/gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../../src/gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../src/gen/wellvault/v1/metric_service_pb.ts";
import { PrivacyService } from "../../src/gen/wellvault/v1/privacy_service_pb.ts";
import { TenantService } from "../../src/gen/wellvault/v1/tenant_service_pb.ts";
import type { Role } from "../../src/identity/principal.ts";

/** A client of each service, over one transport. */
export interface Clients {
  readonly tenants: Client<typeof TenantService>;
  readonly employees: Client<typeof EmployeeService>;
  readonly logs: Client<typeof EmployeeLogService>;
  readonly metrics: Client<typeof MetricService>;
  readonly privacy: Client<typeof PrivacyService>;
  readonly health: Client<typeof Health>;
  /** Closes the connection. */
  close(): void;
}

/** How a client speaks: each is a protocol over a version of HTTP that it is used with. */
export type Protocol = "grpc" | "grpc-web" | "grpc-web-http1" | "connect" | "connect-http1" | "connect-binary";

/** Every {@link Protocol}. */
export const protocols: readonly Protocol[] = [
  "grpc",
  "grpc-web",
  "grpc-web-http1",
  "connect",
  "connect-http1",
  "connect-binary",
];

/** What a client speaks TLS with: PEM. */
export interface ClientTls {
  /** The authority that it trusts. */
  readonly ca: string;
  /** Its own certificate and key; undefined shows none. */
  readonly cert?: string;
  readonly key?: string;
}

/** Opens clients of every service at `address`. */
export function openClients(address: string, protocol: Protocol = "grpc", tls?: ClientTls): Clients {
  const sessions = new Http2SessionManager(address, undefined, { ...tls });
  const transport = openTransport(address, protocol, sessions, tls);
  return {
    tenants: createClient(TenantService, transport),
    employees: createClient(EmployeeService, transport),
    logs: createClient(EmployeeLogService, transport),
    metrics: createClient(MetricService, transport),
    privacy: createClient(PrivacyService, transport),
    health: createClient(Health, transport),
    close: () => sessions.abort(),
  };
}

function openTransport(
  baseUrl: string,
  protocol: Protocol,
  sessionManager: Http2SessionManager,
  tls?: ClientTls,
): Transport {
  const http2 = { baseUrl, httpVersion: "2", sessionManager } as const;
  const http1 = { baseUrl, httpVersion: "1.1", nodeOptions: { ...tls } } as const;
  switch (protocol) {
    case "grpc":
      return createGrpcTransport({ baseUrl, sessionManager });
    case "grpc-web":
      return createGrpcWebTransport(http2);
    case "grpc-web-http1":
      return createGrpcWebTransport(http1);
    case "connect":
      return createConnectTransport({ ...http2, useBinaryFormat: false });
    case "connect-http1":
      return createConnectTransport({ ...http1, useBinaryFormat: false });
    case "connect-binary":
      return createConnectTransport({ ...http2, useBinaryFormat: true });
  }
}

/** The metadata of a call made as `role`, for a tenant, as an employee of it. */
export function as(
  role: Role,
  tenantId?: string,
  employeeId?: string,
): CallOptions & { headers: Record<string, string> } {
  return {
    headers: {
      "x-role": role,
      ...(tenantId === undefined ? {} : { "x-tenant-id": tenantId }),
      ...(employeeId === undefined ? {} : { "x-employee-id": employeeId }),
    },
  };
}

/** The metadata of a call made with a token. */
export function withToken(token: string, tenantId?: string): CallOptions & { headers: Record<string, string> } {
  return {
    headers: {
      authorization: `Bearer ${token}`,
      ...(tenantId === undefined ? {} : { "x-tenant-id": tenantId }),
    },
  };
}
