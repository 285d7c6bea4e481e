import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { toWellvaultError } from "../database/sqlstate.ts";
import { errorDomain, errors, type FieldViolation, reasonOf, WellvaultError } from "../errors.ts";
import { BadRequestSchema, ErrorInfoSchema, ResourceInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { ErrorReasonSchema } from "../gen/wellvault/v1/error_reason_pb.ts";

/**
 * How much of BadRequest is sent. An error travels in trailers, and clients take few of them: grpc-java
 * 8 KiB. A batch of a thousand bad samples must not be answered by an error that nobody can read.
 */
const maxViolations = 20;
const maxViolationText = 2_500;

/** Puts a value of the catalogue into the form that goes over the wire, with its details. */
export function toConnectError(error: WellvaultError): ConnectError {
  const { violations: all, resource } = error.context;
  const violations = all && firstViolations(all);
  const cut = violations && violations.length < all.length ? { violation_count: String(all.length) } : {};
  const metadata = { ...error.context.metadata, ...cut };
  const result = new ConnectError(error.message, error.code, undefined, undefined, error);
  result.details.push({
    desc: ErrorInfoSchema,
    value: {
      reason: ErrorReasonSchema.value[error.reason]?.localName ?? "",
      domain: errorDomain,
      metadata,
    },
  });
  if (violations) {
    result.details.push({
      desc: BadRequestSchema,
      value: {
        fieldViolations: violations.map(({ field, description, rule = "" }) => ({
          field,
          description,
          reason: reasonOf(rule),
        })),
      },
    });
  }
  if (resource) {
    result.details.push({
      desc: ResourceInfoSchema,
      value: { resourceType: resource.type, resourceName: resource.name, description: error.message },
    });
  }
  return result;
}

/**
 * Turns whatever was thrown into a value of the catalogue. What is none becomes INTERNAL with an id,
 * under which the cause is logged; the caller never sees it.
 *
 * @param signal the call's signal: once it has fired, what follows is its consequence
 */
export function toCatalogueError(error: unknown, log: Logger, signal?: AbortSignal): WellvaultError {
  if (error instanceof WellvaultError) return error;
  if (signal?.aborted) return abortReason(signal);
  if (error instanceof ConnectError) return fromProtocolError(error, log);
  return toWellvaultError(error) ?? internal(error, log);
}

/** Logs a defect under an id, which is all that the caller is told of it. */
export function internal(error: unknown, log: Logger): WellvaultError {
  const errorId = randomUUID();
  log.error({ errorId, err: error }, "a call failed in a way it should not");
  return errors.internal(errorId, error);
}

/** Why a call's signal fired: the deadline, the server's shutdown, or the caller. */
export function abortReason(signal: AbortSignal): WellvaultError {
  const reason: unknown = signal.reason;
  if (reason instanceof WellvaultError) return reason;
  if (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded) return errors.deadlineExceeded();
  return errors.cancelled(reason);
}

/**
 * Gives an error that Connect or the lean path raises before any handler runs, such as an undecodable body, its place
 * in the catalogue. Its text is replaced where it would repeat what the caller sent.
 */
export function fromProtocolError(error: ConnectError, log: Logger): WellvaultError {
  const { code, rawMessage: message } = error;
  switch (code) {
    case Code.InvalidArgument:
    case Code.Unimplemented:
      return undecodable(code, message);
    case Code.ResourceExhausted:
      return errors.messageTooLarge(
        "A message is larger than 4 MiB, or than 64 KiB for health and reflection. Send fewer items in one call, or ask for smaller pages.",
      );
    case Code.DeadlineExceeded:
      return errors.deadlineExceeded();
    case Code.Canceled:
    case Code.Aborted:
      return errors.cancelled();
    default:
      // Connect says Internal also of what a caller breaks: undecodable Protobuf, an envelope's flags.
      return aboutRequest.test(message) ? undecodable(Code.InvalidArgument, message) : internal(error, log);
  }
}

const aboutProtocol = /protocol error|timeout|compress|encoding/;
const aboutRequest = /^parse |decode|protocol error|timeout|compress/;

function undecodable(code: Code, message: string): WellvaultError {
  const [, kind, name = ""] = /cannot decode (field|message|enum) ([\w.]+)/.exec(message) ?? [];
  if (kind === "field") {
    const description = "must be of the type that its message declares and within that type's range";
    const field = name.slice(name.lastIndexOf(".") + 1);
    return errors.requestMalformed(code, `${name}: ${description}`, [{ field, description, rule: "type" }]);
  }
  if (kind && /JSON/.test(message)) {
    return errors.requestMalformed(code, `The request cannot be decoded: ${name} must be a valid JSON object.`);
  }
  if (aboutProtocol.test(message)) return errors.requestMalformed(code, message);
  return errors.requestMalformed(code, "The request cannot be decoded: it is no valid message of this method.");
}

function firstViolations(all: readonly FieldViolation[]): readonly FieldViolation[] {
  let text = 0;
  return all.slice(0, maxViolations).filter(({ field, description, rule = "" }, index) => {
    text += field.length + description.length + rule.length;
    return index === 0 || text <= maxViolationText;
  });
}
