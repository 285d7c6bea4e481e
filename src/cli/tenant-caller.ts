import { readFile } from "node:fs/promises";
import type { CallOptions, Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ConfigError, isLoopback } from "../config.ts";
import type { Role } from "../identity/principal.ts";
import type { CommandIo } from "./command-io.ts";

/** How a command calls the service for a tenant. */
export interface TenantCaller extends Disposable {
  readonly transport: Transport;
  /** The metadata of its calls. */
  readonly options: CallOptions;
}

/** Whom a command calls, as whom. */
export interface TenantCallerOptions {
  /** Where the service listens, such as `http://127.0.0.1:8080`. */
  readonly address: string;
  readonly tenant: string;
  /** The role that a service with the development identity is told. A token has its own. */
  readonly role: Role;
  /** The employee that such a service is told the caller is, for the role `employee`. */
  readonly employeeId?: string | undefined;
  /** File with a token; undefined takes the environment's `WELLVAULT_TOKEN`, if any. */
  readonly tokenFile: string | undefined;
}

/**
 * Opens a connection for the calls of a command. A token comes from a file or the environment, never from the
 * command line, which everybody on the machine can read. Without one the calls carry the metadata of the
 * development identity.
 *
 * @throws ConfigError when the address cannot be used, or the token not be read or not be sent there safely
 */
export async function openTenantCaller(
  { address, tenant, role, employeeId, tokenFile }: TenantCallerOptions,
  env: CommandIo["env"],
): Promise<TenantCaller> {
  const url = URL.parse(address);
  if (!url || !["http:", "https:"].includes(url.protocol) || url.pathname !== "/") {
    throw new ConfigError("--address must look like http://127.0.0.1:8080 or https://wellvault.example.com.");
  }
  const token = tokenFile === undefined ? env["WELLVAULT_TOKEN"] : await readToken(tokenFile);
  const isLocal = isLoopback(url.hostname.replace(/^\[|\]$/g, ""));
  if (!isLocal && url.protocol === "http:") {
    throw new ConfigError("--address must be https for another machine, for names and tokens travel there.");
  }
  if (!isLocal && !token) {
    throw new ConfigError("Another machine asks for a token: set WELLVAULT_TOKEN or --token-file.");
  }
  const sessionManager = new Http2SessionManager(url.origin);
  const claimed = { "x-role": role, ...(employeeId === undefined ? {} : { "x-employee-id": employeeId }) };
  const identity: Record<string, string> = token ? { authorization: `Bearer ${token}` } : claimed;
  return {
    transport: createGrpcTransport({ baseUrl: url.origin, sessionManager }),
    options: { headers: { ...identity, "x-tenant-id": tenant }, timeoutMs: 60_000 },
    [Symbol.dispose]: () => sessionManager.abort(),
  };
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new ConfigError(`--token-file cannot be read: ${error.message}`);
  });
  return text.trim();
}
