import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { EmployeeService } from "../../gen/wellvault/v1/employee_service_pb.ts";
import { MetricService } from "../../gen/wellvault/v1/metric_service_pb.ts";
import { TenantService } from "../../gen/wellvault/v1/tenant_service_pb.ts";
import type { Role } from "../../identity/principal.ts";

/** Clients of the services that the demo calls, over one gRPC connection; disposing of them closes it. */
export interface Clients extends Disposable {
  readonly tenants: Client<typeof TenantService>;
  readonly employees: Client<typeof EmployeeService>;
  readonly metrics: Client<typeof MetricService>;
  /** The options of a call made as `role`, for a tenant, as an employee of it. */
  as(role: Role, tenantId?: string, employeeId?: string): CallOptions;
}

/**
 * Opens gRPC clients.
 *
 * @param address where the service listens, such as `http://127.0.0.1:8080`
 * @param signal ends every call when it fires
 */
export function openClients(address: string, signal: AbortSignal): Clients {
  const sessionManager = new Http2SessionManager(address);
  const transport = createGrpcTransport({ baseUrl: address, sessionManager });
  return {
    tenants: createClient(TenantService, transport),
    employees: createClient(EmployeeService, transport),
    metrics: createClient(MetricService, transport),
    as: (role, tenantId, employeeId) => ({
      signal,
      headers: {
        "x-role": role,
        ...(tenantId === undefined ? {} : { "x-tenant-id": tenantId }),
        ...(employeeId === undefined ? {} : { "x-employee-id": employeeId }),
      },
    }),
    [Symbol.dispose]: () => sessionManager.abort(),
  };
}
