import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, ResourceInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";

/** What a failed call told its caller. */
export interface CallFailure {
  readonly code: keyof typeof Code;
  readonly reason: string;
  readonly message: string;
  /** Fields named by google.rpc.BadRequest. */
  readonly fields: readonly string[];
  /** Type and name of google.rpc.ResourceInfo, or undefined. */
  readonly resource: { readonly type: string; readonly name: string } | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Waits for a call to fail and returns what its caller was told. Every error of this service must carry
 * ErrorInfo with the service's domain and say nothing of SQL or schemas, so that is checked here.
 */
export async function failureOf(call: Promise<unknown>): Promise<CallFailure> {
  const error = await call.then(
    () => expect.fail("the call succeeded"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return failureFrom(error as ConnectError);
}

/** Reads what a ConnectError told. */
export function failureFrom(error: ConnectError): CallFailure {
  const [info] = error.findDetails(ErrorInfoSchema);
  const resource = error.findDetails(ResourceInfoSchema)[0];
  expect(info?.domain, `no ErrorInfo in: ${error.message}`).toBe("wellvault.v1");
  expect(error.rawMessage).not.toMatch(/\bv_[0-9a-f]{16}\b|select |insert |relation |constraint|syntax/i);
  return {
    code: Code[error.code] as keyof typeof Code,
    reason: info?.reason ?? "",
    message: error.rawMessage,
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap((detail) => detail.fieldViolations.map((violation) => violation.field)),
    resource: resource && { type: resource.resourceType, name: resource.resourceName },
    metadata: info?.metadata ?? {},
  };
}
