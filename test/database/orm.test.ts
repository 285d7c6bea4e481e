import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { openTenantSessions } from "../../src/tenancy/sessions.ts";
import { createTenantTokens } from "../../src/tenancy/tenant-tokens.ts";
import { testTokenKey } from "../support/migrate.ts";

const warnings: string[] = [];
const open = (parameters: string) =>
  openTenantSessions({
    urlOf: () => `${inject("serverUrl")}${parameters}`,
    loginCount: 1,
    tokens: createTenantTokens(testTokenKey),
    poolSize: 1,
    entities: [],
    onWarning: (message) => warnings.push(message),
  });

let plain: ReturnType<typeof open>;
let encrypted: ReturnType<typeof open>;
beforeAll(() => {
  plain = open("");
  encrypted = open("?sslmode=verify-full");
});
afterAll(() => Promise.all([plain.close(), encrypted.close()]));

test("a database URL that demands encryption is never answered over plain text", async () => {
  // The test's server has no certificate, so a connection that keeps the demand cannot come about.
  expect(await encrypted.ping()).toBe(false);
  expect(await plain.ping()).toBe(true);
});
