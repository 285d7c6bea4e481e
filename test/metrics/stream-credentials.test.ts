import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromMicros } from "../../src/civil-time.ts";
import { clockToleranceS } from "../../src/identity/token-settings.ts";
import { withToken } from "../support/clients.ts";
import { failureOf } from "../support/errors.ts";
import { openSampleStream, type SampleStream, storedOf } from "../support/sample-streams.ts";
import { monday, sample } from "../support/samples.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { caller, createKey, secondsFromNow, type TestKey, tokenSettings } from "../support/tokens.ts";

/** Provisions and hires; believes metadata. */
let open: TestService;
/** The same database, by tokens alone. */
let service: TestService;
let folder: string;
let keysFile: string;
let key: TestKey;
let employeeId: string;
beforeAll(async () => {
  open = await startTestService();
  employeeId = await open.hire(await open.provision("acme"));
  folder = await mkdtemp(join(tmpdir(), "wellvault-keys-"));
  keysFile = join(folder, "keys.json");
  key = await createKey("first");
  await writeFile(keysFile, JSON.stringify({ keys: [key.jwk] }));
  service = await startTestService({}, open.database, tokenSettings({ WELLVAULT_JWT_KEYS_FILE: keysFile }));
});
afterAll(async () => {
  await service.close();
  await open.close();
  await rm(folder, { recursive: true });
});

let count = 0n;
function put(stream: SampleStream) {
  const startTime = fromMicros(monday + ++count * 1_000_000n);
  return stream.put({ batchNumber: count, employeeId, samples: [sample({ startTime })] });
}

async function storedCount(): Promise<number> {
  const token = await key.sign(caller("employee", "acme", employeeId));
  return (await service.clients.metrics.listSamples({ employeeId }, withToken(token))).samples.length;
}

test("a token that expires while its stream is open ends the stream at the next batch", async () => {
  const claims = { ...caller("ingest_service", "acme"), iat: secondsFromNow(-600) };
  const leftS = 2;
  const short = await key.sign({ ...claims, exp: secondsFromNow(leftS - clockToleranceS) });
  const [dying, lasting] = [short, await key.sign(claims)].map((token) =>
    openSampleStream(service.clients, withToken(token)),
  ) as [SampleStream, SampleStream];
  expect(storedOf(await put(dying)).insertedCount).toBe(1);
  expect(storedOf(await put(lasting)).insertedCount).toBe(1);
  await sleep(leftS * 1_000 + 1_100);
  const before = await storedCount();
  expect(await failureOf(put(dying))).toMatchObject({
    code: "Unauthenticated",
    reason: "TOKEN_EXPIRED",
    metadata: { check: "exp" },
  });
  expect(await storedCount()).toBe(before);
  // The control: the one with a good token goes on.
  expect(storedOf(await put(lasting)).insertedCount).toBe(1);
  await lasting.finish();
});

test("a key that is taken away ends the streams of its tokens at their next batch", async () => {
  const second = await createKey("second");
  await writeFile(keysFile, JSON.stringify({ keys: [key.jwk, second.jwk] }));
  await service.reload();
  const [first, other] = [key, second].map(async (by) =>
    openSampleStream(service.clients, withToken(await by.sign(caller("ingest_service", "acme")))),
  ) as [Promise<SampleStream>, Promise<SampleStream>];
  expect(storedOf(await put(await first)).insertedCount).toBe(1);
  expect(storedOf(await put(await other)).insertedCount).toBe(1);
  await writeFile(keysFile, JSON.stringify({ keys: [key.jwk] }));
  await service.reload();
  expect(await failureOf(put(await other))).toMatchObject({ code: "Unauthenticated", reason: "TOKEN_UNTRUSTED" });
  expect(storedOf(await put(await first)).insertedCount).toBe(1);
  await (await first).finish();
});
