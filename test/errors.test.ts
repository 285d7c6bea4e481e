import { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { expect, test } from "vitest";
import { errors, type WellvaultError } from "../src/errors.ts";
import { ErrorReasonSchema } from "../src/gen/wellvault/v1/error_reason_pb.ts";
import { readReasons } from "../tools/error-docs.ts";

const resource = { type: "wellvault.v1.Employee", name: "E-1" };
const samples: Record<keyof typeof errors, WellvaultError[]> = {
  identityMissing: [errors.identityMissing("x-role", "one of a, b")],
  certificateMissing: [errors.certificateMissing()],
  tenantMissing: [errors.tenantMissing()],
  tokenMalformed: [errors.tokenMalformed("send one token")],
  tokenUntrusted: [errors.tokenUntrusted("signature", new Error("secret"))],
  tokenExpired: [errors.tokenExpired("exp", new Error("secret"))],
  tokenClaimInvalid: [errors.tokenClaimInvalid("role", "a role")],
  certificateRefused: [errors.certificateRefused("name", "it has no name")],
  credentialsDisagree: [errors.credentialsDisagree("x-role", "leave x-role out")],
  keysUnavailable: [errors.keysUnavailable(new Error("secret"))],
  accessDenied: [errors.accessDenied("coach", "PutSamples")],
  tenantDenied: [errors.tenantDenied()],
  fieldsInvalid: [errors.fieldsInvalid([{ field: "a", description: "must be b" }]), errors.fieldsInvalid([])],
  pageTokenInvalid: [errors.pageTokenInvalid()],
  requestMalformed: [
    errors.requestMalformed(Code.InvalidArgument, "Cannot be decoded."),
    errors.requestMalformed(Code.Unimplemented, "Unknown compression."),
  ],
  messageTooLarge: [errors.messageTooLarge("Too large.")],
  methodUnknown: [errors.methodUnknown()],
  notFound: [errors.notFound(resource)],
  exists: [errors.exists(resource, "external_id")],
  requestIdReused: [errors.requestIdReused(resource)],
  etagStale: [errors.etagStale(resource)],
  conflict: [errors.conflict()],
  employeeOffboarded: [errors.employeeOffboarded({ type: "wellvault.v1.Employee", name: "E-1" })],
  limitReached: [errors.limitReached("employees", 20_000)],
  overloaded: [errors.overloaded()],
  deadlineExceeded: [errors.deadlineExceeded()],
  readerTooSlow: [errors.readerTooSlow()],
  streamIdle: [errors.streamIdle()],
  cancelled: [errors.cancelled()],
  databaseUnavailable: [errors.databaseUnavailable()],
  draining: [errors.draining()],
  commitUnknown: [errors.commitUnknown()],
  internal: [errors.internal("id", new Error("secret"))],
};

test("the catalogue, the proto and the page agree on every reason and its codes", () => {
  const byCatalogue = new Map<string, Set<string>>();
  for (const error of Object.values(samples).flat()) {
    const name = ErrorReasonSchema.value[error.reason]?.localName ?? "";
    const code = codeToString(error.code).toUpperCase().replace("CANCELED", "CANCELLED");
    byCatalogue.set(name, (byCatalogue.get(name) ?? new Set()).add(code));
  }
  const byProto = new Map(readReasons().map(({ name, codes }) => [name, new Set(codes)]));
  expect(byCatalogue).toEqual(byProto);
  expect(byProto.size).toBe(ErrorReasonSchema.values.length - 1);
});

test("a message says what to do in a sentence and never tells the cause", () => {
  for (const error of Object.values(samples).flat()) {
    expect(error.message).toMatch(/^\S.*\S$/);
    expect(error.message).not.toContain("secret");
  }
});
