import {
  create,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { employeeHandlers } from "../employees/employee-handlers.ts";
import { errors } from "../errors.ts";
import { file_google_rpc_error_details } from "../gen/google/rpc/error_details_pb.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { EmployeeLogService } from "../gen/wellvault/v1/employee_log_service_pb.ts";
import { EmployeeService } from "../gen/wellvault/v1/employee_service_pb.ts";
import { file_wellvault_v1_error_reason } from "../gen/wellvault/v1/error_reason_pb.ts";
import { MetricService } from "../gen/wellvault/v1/metric_service_pb.ts";
import { PrivacyService } from "../gen/wellvault/v1/privacy_service_pb.ts";
import { TenantService } from "../gen/wellvault/v1/tenant_service_pb.ts";
import { VerificationService } from "../gen/wellvault/v1/verification_service_pb.ts";
import { logHandlers } from "../logs/log-handlers.ts";
import { listMetricKinds, metricHandlers } from "../metrics/metric-handlers.ts";
import { createSampleStreams, type SampleStreamCall, type SampleStreamLimits } from "../metrics/stream-samples.ts";
import { createPrivacyHandlers, type StreamCall } from "../privacy/privacy-handlers.ts";
import type { ControlStore } from "../tenancy/control-store.ts";
import type { TenantDirectory } from "../tenancy/directory.ts";
import type { TenantSession } from "../tenancy/session.ts";
import type { TenantSessions } from "../tenancy/sessions.ts";
import type { TenantEntry } from "../tenancy/tenant.ts";
import { createTenantHandlers } from "../tenants/tenant-handlers.ts";
import { warmUpValidation } from "../validation.ts";
import { createVerificationHandlers, type RunVerification } from "../verify/verification-handlers.ts";
import { callKey } from "./call.ts";
import type { HealthState } from "./health.ts";
import { asV1Alpha, createReflection } from "./reflection.ts";

/** The services of this API; what serves them has no identity of its own to check. */
export const apiServices = [
  TenantService,
  EmployeeService,
  EmployeeLogService,
  MetricService,
  PrivacyService,
  VerificationService,
] as const;

/** The services about the server itself, which anyone may call. */
const serverServices = [Health, ServerReflection, ServerReflectionV1Alpha] as const;

/** What the services are made of. */
export interface ServiceParts {
  readonly store: ControlStore;
  readonly directory: TenantDirectory;
  readonly sessions: TenantSessions;
  readonly health: HealthState;
  readonly sampleStreams: SampleStreamLimits;
  /** Fires when the server begins to shut down. */
  readonly draining: AbortSignal;
  /** Undefined where the services are only called to verify them. */
  readonly runVerification: RunVerification | undefined;
}

/** Registers the API's services, whose calls pass the gate. */
export function registerApi(router: ConnectRouter, parts: ServiceParts): void {
  const { store, directory, sessions, draining, runVerification } = parts;
  const inTenant = <H extends object>(handlers: H) => tenantMethods(handlers, sessions);
  const tenants = createTenantHandlers(store, directory);
  const privacy = createPrivacyHandlers();
  const streamSamples = createSampleStreams(parts.sampleStreams);
  router
    .service(TenantService, {
      provisionTenant: (request, { signal }) => tenants.provisionTenant(request, signal),
      getTenant: (request, { signal }) => tenants.getTenant(request, signal),
      listTenants: (request, { signal }) => tenants.listTenants(request, signal),
      updateTenant: (request, { signal }) => tenants.updateTenant(request, signal),
      purgeExpired: (request, { signal }) => tenants.purgeExpired(request, signal),
    })
    .service(EmployeeService, inTenant(employeeHandlers))
    .service(EmployeeLogService, inTenant(logHandlers))
    .service(MetricService, {
      ...inTenant(metricHandlers),
      streamSamples: (requests, context) => streamSamples(requests, sampleStreamCall(context, sessions, draining)),
      listMetricKinds,
    })
    .service(PrivacyService, {
      exportEmployee: (request, context) => privacy.exportEmployee(request, streamCall(context, sessions)),
    });
  if (!runVerification) return;
  const verification = createVerificationHandlers(runVerification);
  router.service(VerificationService, {
    verifyIsolation: (request, { signal }) => verification.verifyIsolation(request, signal),
  });
}

/** Registers health and reflection, which need no identity. */
export function registerServer(router: ConnectRouter, { health, draining, sampleStreams }: ServiceParts): void {
  const files = [...apiServices, ...serverServices].map((service) => service.file);
  // No service imports the details of errors, but clients need them to show an error in full.
  files.push(file_google_rpc_error_details, file_wellvault_v1_error_reason);
  const reflection = createReflection([...new Set(files)], { draining, idleMs: sampleStreams.idleMs });
  router
    .service(Health, health.service)
    .service(ServerReflection, reflection)
    .service(ServerReflectionV1Alpha, asV1Alpha(reflection));
}

/** Compiles the validation rules of every request before the first call needs them. */
export function warmUpServices(): void {
  warmUpValidation(
    apiServices.flatMap((service) => service.methods.map((method) => method.input)),
    (schema) => create(schema),
  );
}

type Handler<M extends DescMethodUnary> = (
  request: MessageShape<M["input"]>,
  session: TenantSession,
) => Promise<MessageInitShape<M["output"]>>;

/** Opens each call's session from what the gate found, and hands it to the handler. */
function tenantMethods<H extends object>(handlers: H, sessions: TenantSessions): TenantImpl<H> {
  return Object.fromEntries(
    Object.entries(handlers as Record<string, Handler<DescMethodUnary>>).map(([name, handler]) => [
      name,
      async (request: MessageShape<DescMethodUnary["input"]>, context: HandlerContext) => {
        const tenant = tenantOf(context);
        const timeoutMs = context.timeoutMs() ?? 0;
        return await handler(request, sessions.open({ tenant, signal: context.signal, timeoutMs }));
      },
    ]),
  ) as TenantImpl<H>;
}

/** What the handler of a stream works with: it opens sessions itself, for a stream may have no deadline. */
function streamCall(context: HandlerContext, sessions: TenantSessions): StreamCall {
  return { tenant: tenantOf(context), signal: context.signal, open: (options) => sessions.open(options) };
}

/** The same for a stream of requests, each of which finds its tenant anew. */
function sampleStreamCall(context: HandlerContext, sessions: TenantSessions, draining: AbortSignal): SampleStreamCall {
  const { signal } = context;
  return { signal, draining, tenant: () => tenantOf(context), open: (options) => sessions.open(options) };
}

function tenantOf(context: HandlerContext): TenantEntry {
  const tenant = context.values.get(callKey)?.tenant;
  // The gate lets no call through without a tenant; this is the second lock on the same door.
  if (!tenant) throw errors.tenantMissing();
  return tenant;
}

type TenantImpl<H> = {
  [K in keyof H]: H[K] extends (request: infer I, session: TenantSession) => infer O
    ? (request: I, context: HandlerContext) => O
    : never;
};

/** Full names of the services whose health is told. */
export const healthServiceNames: readonly string[] = apiServices.map((service: DescService) => service.typeName);
