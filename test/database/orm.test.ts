import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { openTenantSessions } from "../../src/tenancy/sessions.ts";

const warnings: string[] = [];
const open = (parameters: string) =>
  openTenantSessions({
    url: `${inject("serverUrl")}${parameters}`,
    poolSize: 1,
    entities: [],
    onWarning: (message) => warnings.push(message),
  });

let plain: Awaited<ReturnType<typeof open>>;
let encrypted: Awaited<ReturnType<typeof open>>;
beforeAll(async () => {
  plain = await open("");
  encrypted = await open("?sslmode=verify-full");
});
afterAll(() => Promise.all([plain.close(), encrypted.close()]));

test("a database URL that demands encryption is never answered over plain text", async () => {
  // The test's server has no certificate, so a connection that keeps the demand cannot come about.
  expect(await encrypted.ping()).toBe(false);
  expect(await plain.ping()).toBe(true);
});
