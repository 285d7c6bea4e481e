/**
 * The service itself with the development identity, in a process of its own, and with its defaults but for two: the peers
 * have neither deadlines nor bounds on waiting, so here a call may wait a minute.
 */
import { readConfig } from "../../src/config.ts";
import { startService } from "../../src/service.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { serveAsOrdered } from "./server-process.ts";

serveAsOrdered(async ({ databaseUrl }) => {
  const config = readConfig({
    WELLVAULT_PORT: "0",
    WELLVAULT_POOL_WAIT_MS: "60000",
    WELLVAULT_DEFAULT_TIMEOUT_MS: "60000",
  });
  const identity = { mode: "development", forced: false } as const;
  const service = await startService({ config, identity, databaseUrl, log: openLog(config.logLevel) });
  process.once("SIGTERM", () => void service.stop().finally(() => process.exit()));
  return Number(new URL(service.address).port);
});
