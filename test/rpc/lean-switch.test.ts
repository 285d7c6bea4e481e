import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createMigratedDatabase, type TestDatabase } from "../support/database.ts";
import { startTestService } from "../support/service.ts";
import { envelope, openWire } from "../support/wire.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createMigratedDatabase();
});
afterAll(() => database.drop());

test.each([
  [{}, true],
  [{ WELLVAULT_LEAN_UNARY: "on" }, true],
  [{ WELLVAULT_LEAN_UNARY: "off" }, false],
])("with the settings %o unary gRPC takes the lean path: %s", async (env, isLean) => {
  const { leanUnary } = readConfig(env);
  const service = await startTestService({ leanUnary }, database);
  const wire = await openWire(service.address);
  const headers = { "content-type": "application/grpc", te: "trailers" };
  const answer = await wire.send("/wellvault.v1.TenantService/GetTenant", headers, envelope(new Uint8Array()));
  // Both refuse a call without an identity. The lean path says so in one frame of headers, Connect in trailers.
  expect([answer.headers, answer.trailers].map((metadata) => metadata.get("grpc-status"))).toEqual(
    isLean ? ["16", null] : [null, "16"],
  );
  wire.close();
  await service.close();
});
