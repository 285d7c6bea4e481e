import { Code } from "@connectrpc/connect";
import { ErrorReason } from "./gen/wellvault/v1/error_reason_pb.ts";

/** The `domain` of every google.rpc.ErrorInfo that this service sends. */
export const errorDomain = "wellvault.v1";

/** One field that breaks its rules. */
export interface FieldViolation {
  /** Path of the field in the request, such as `samples[3].value`. */
  readonly field: string;
  /** What the field must be. Never holds the value that was sent. */
  readonly description: string;
  /** Machine-readable name of the rule, such as `string.max_len`. */
  readonly rule?: string;
}

/** Returns a rule's name such as `string.max_len` in the form that callers are told (AIP-193). */
export function reasonOf(rule: string): string {
  return rule.toUpperCase().replace(/[^A-Z0-9]+/g, "_");
}

/** The thing that was looked for and is missing, or that is in the way. */
export interface ErrorResource {
  /** Message name of the resource, such as `wellvault.v1.Employee`. */
  readonly type: string;
  /** The id as the caller gave it. */
  readonly name: string;
}

/** What an error carries besides its code and message. */
export interface ErrorContext {
  /** More about the reason; becomes ErrorInfo.metadata. Never a value, SQL or a schema's name. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Fields that break their rules; becomes google.rpc.BadRequest. */
  readonly violations?: readonly FieldViolation[];
  /** Becomes google.rpc.ResourceInfo. */
  readonly resource?: ErrorResource;
  /** What led here, for the log. Never sent to a caller. */
  readonly cause?: unknown;
}

/**
 * The one error class of the service: a value of the catalogue below with what the caller needs to
 * act on it. Anything else that is thrown is a defect and reaches the caller as INTERNAL.
 */
export class WellvaultError extends Error {
  override readonly name = "WellvaultError";
  /** The gRPC code. */
  readonly code: Code;
  /** Why, for machines. */
  readonly reason: ErrorReason;
  /** What the error carries. */
  readonly context: ErrorContext;

  constructor(code: Code, reason: ErrorReason, message: string, context: ErrorContext = {}) {
    super(message, { cause: context.cause });
    this.code = code;
    this.reason = reason;
    this.context = context;
  }
}

/**
 * The catalogue: every error that a caller can meet, each with its code, reason and message. A
 * message says what to do next and holds no value, no SQL and no name of a schema.
 */
export const errors = {
  identityMissing: (key: string, expected: string) =>
    new WellvaultError(
      Code.Unauthenticated,
      ErrorReason.IDENTITY_MISSING,
      `The call carries no usable identity: send the metadata ${key} with ${expected}.`,
      { metadata: { key } },
    ),
  certificateMissing: () =>
    new WellvaultError(
      Code.Unauthenticated,
      ErrorReason.IDENTITY_MISSING,
      "The call carries no usable identity: connect with a client certificate that the service knows.",
    ),
  tenantMissing: () =>
    new WellvaultError(
      Code.Unauthenticated,
      ErrorReason.TENANT_MISSING,
      "The call names no tenant: send the metadata x-tenant-id with one tenant id.",
      { metadata: { key: "x-tenant-id" } },
    ),
  tokenMalformed: (expected: string) =>
    new WellvaultError(
      Code.Unauthenticated,
      ErrorReason.TOKEN_MALFORMED,
      `The metadata authorization is not one bearer token: ${expected}.`,
      { metadata: { key: "authorization" } },
    ),
  tokenUntrusted: (check: "signature" | "key" | "algorithm" | "iss" | "aud", cause?: unknown) =>
    new WellvaultError(
      Code.Unauthenticated,
      ErrorReason.TOKEN_UNTRUSTED,
      `The token is not trusted here: its ${check} was refused. Get a token that was issued for this service.`,
      { metadata: { check }, cause },
    ),
  tokenExpired: (check: "exp" | "nbf" | "iat", cause?: unknown) =>
    new WellvaultError(
      Code.Unauthenticated,
      ErrorReason.TOKEN_EXPIRED,
      `The token is not good at this time by its claim ${check}. Get a new one.`,
      { metadata: { check }, cause },
    ),
  tokenClaimInvalid: (claim: string, expected: string) =>
    new WellvaultError(
      Code.Unauthenticated,
      ErrorReason.TOKEN_CLAIM_INVALID,
      `The token's claim ${claim} must be ${expected}.`,
      { metadata: { claim } },
    ),
  certificateRefused: (check: "trust" | "time" | "name" | "entry", expected: string) =>
    new WellvaultError(
      Code.Unauthenticated,
      ErrorReason.CERTIFICATE_REFUSED,
      `The client certificate is refused: ${expected}.`,
      { metadata: { check } },
    ),
  credentialsDisagree: (key: string, expected: string) =>
    new WellvaultError(
      Code.Unauthenticated,
      ErrorReason.CREDENTIALS_DISAGREE,
      `The call's credentials contradict each other: ${expected}.`,
      { metadata: { key } },
    ),
  keysUnavailable: (cause?: unknown) =>
    new WellvaultError(
      Code.Unavailable,
      ErrorReason.KEYS_UNAVAILABLE,
      "The keys that tokens are verified with cannot be fetched at the moment. Repeat the call after a pause.",
      { cause },
    ),
  accessDenied: (role: string, method: string) =>
    new WellvaultError(
      Code.PermissionDenied,
      ErrorReason.ACCESS_DENIED,
      `The role ${role} may not call ${method} for this resource. Call it as a role that may.`,
      { metadata: { role, method } },
    ),
  tenantDenied: () =>
    new WellvaultError(
      Code.PermissionDenied,
      ErrorReason.TENANT_DENIED,
      "The call may not act for this tenant. Check the id in x-tenant-id and that the tenant is active.",
    ),
  fieldsInvalid: (violations: readonly FieldViolation[]) =>
    new WellvaultError(
      Code.InvalidArgument,
      ErrorReason.FIELD_INVALID,
      violations.length === 0
        ? "The request breaks a rule of its message."
        : `${violations
            .slice(0, 3)
            .map((v) => `${v.field}: ${v.description}`)
            .join("; ")}${violations.length > 3 ? `; and ${violations.length - 3} more` : ""}`,
      { violations },
    ),
  pageTokenInvalid: () => {
    const description = "must be a next_page_token of this method, tenant and arguments; ask for the first page again";
    return new WellvaultError(Code.InvalidArgument, ErrorReason.PAGE_TOKEN_INVALID, `page_token: ${description}`, {
      violations: [{ field: "page_token", description, rule: "page_token" }],
    });
  },
  requestMalformed: (code: Code, message: string, violations?: readonly FieldViolation[]) =>
    new WellvaultError(code, ErrorReason.REQUEST_MALFORMED, message, violations ? { violations } : {}),
  messageTooLarge: (message: string) =>
    new WellvaultError(Code.ResourceExhausted, ErrorReason.MESSAGE_TOO_LARGE, message),
  methodUnknown: () =>
    new WellvaultError(
      Code.Unimplemented,
      ErrorReason.METHOD_UNKNOWN,
      "There is no such method. Server reflection lists the services and methods that there are.",
    ),
  notFound: (resource: ErrorResource) =>
    new WellvaultError(
      Code.NotFound,
      ErrorReason.RESOURCE_NOT_FOUND,
      `There is no ${resource.type.replace(/^.*\./, "")} with this id for this caller. Check the id.`,
      { resource },
    ),
  employeeOffboarded: (resource: ErrorResource) =>
    new WellvaultError(
      Code.FailedPrecondition,
      ErrorReason.EMPLOYEE_OFFBOARDED,
      "The employee has left and nothing new is kept of the person. Do not send it again.",
      { resource },
    ),
  exists: (resource: ErrorResource, taken: string) =>
    new WellvaultError(
      Code.AlreadyExists,
      ErrorReason.RESOURCE_EXISTS,
      `Another ${resource.type.replace(/^.*\./, "")} has this ${taken}. Choose another one, or read the one that exists.`,
      { resource },
    ),
  requestIdReused: (resource: ErrorResource) =>
    new WellvaultError(
      Code.AlreadyExists,
      ErrorReason.REQUEST_ID_REUSED,
      "request_id: was used for a request with other contents. Make a new UUID for each new request.",
      { resource },
    ),
  etagStale: (resource: ErrorResource) =>
    new WellvaultError(
      Code.Aborted,
      ErrorReason.ETAG_STALE,
      "The etag is not the current one: somebody changed the resource. Read it again and send its new etag.",
      { resource },
    ),
  conflict: (cause?: unknown) =>
    new WellvaultError(
      Code.Aborted,
      ErrorReason.CONFLICT,
      "The call collided with another one and nothing was done. Repeat it.",
      { cause },
    ),
  limitReached: (limit: string, maximum: number) =>
    new WellvaultError(
      Code.ResourceExhausted,
      ErrorReason.LIMIT_REACHED,
      `The tenant has reached its limit of ${maximum} ${limit.replaceAll("_", " ")}.`,
      { metadata: { limit, maximum: String(maximum) } },
    ),
  overloaded: (cause?: unknown) =>
    new WellvaultError(
      Code.ResourceExhausted,
      ErrorReason.OVERLOADED,
      "The service has no capacity left at the moment and nothing was done. Repeat the call after a growing pause.",
      { cause },
    ),
  deadlineExceeded: (cause?: unknown) =>
    new WellvaultError(
      Code.DeadlineExceeded,
      ErrorReason.DEADLINE_EXCEEDED,
      "The deadline passed and the work was stopped. Allow more time or ask for less in one call.",
      { cause },
    ),
  readerTooSlow: () =>
    new WellvaultError(
      Code.Aborted,
      ErrorReason.READER_TOO_SLOW,
      "The stream was not read fast enough and was ended; what came of it is incomplete. Start again, and read on as it comes.",
    ),
  streamIdle: () =>
    new WellvaultError(
      Code.Aborted,
      ErrorReason.STREAM_IDLE,
      "Nothing came on the stream for a while and it was ended. What was acknowledged is stored. Open another one when there is something to send.",
    ),
  cancelled: (cause?: unknown) =>
    new WellvaultError(Code.Canceled, ErrorReason.CALL_CANCELLED, "The call was cancelled and the work was stopped.", {
      cause,
    }),
  databaseUnavailable: (cause?: unknown) =>
    new WellvaultError(
      Code.Unavailable,
      ErrorReason.DATABASE_UNAVAILABLE,
      "The database cannot be reached at the moment. Repeat the call after a pause.",
      { cause },
    ),
  draining: () =>
    new WellvaultError(
      Code.Unavailable,
      ErrorReason.SERVER_DRAINING,
      "The server is shutting down. A write that was under way may have been done. Repeat the call; another server will take it.",
    ),
  commitUnknown: (cause?: unknown) =>
    new WellvaultError(
      Code.Unknown,
      ErrorReason.COMMIT_UNKNOWN,
      "The write may or may not have been done, for the database cannot say so at the moment. Repeat the call.",
      { cause },
    ),
  internal: (errorId: string, cause: unknown) =>
    new WellvaultError(
      Code.Internal,
      ErrorReason.INTERNAL,
      `The service failed in a way it should not. Report the error id ${errorId}.`,
      { metadata: { error_id: errorId }, cause },
    ),
} as const;
