import type { JWK } from "jose";
import { errors } from "../errors.ts";
import { createKeySet, type KeySet } from "./key-set.ts";
import { isPublicKey } from "./keys-file.ts";

/** How often keys are fetched and believed, in milliseconds. */
export interface RemoteKeyTimes {
  /** Between two fetches: how long a key that was taken out may still be used. Default 5 minutes. */
  readonly refreshMs: number;
  /** From one fetch to the next that an unknown key may cause. Default 10 s. */
  readonly cooldownMs: number;
  /** From a fetch that failed to the next. Default 2 s. */
  readonly retryMs: number;
  /** How long keys are used that could not be fetched again. Default 24 hours. */
  readonly staleMs: number;
  /** What one fetch may take. Default 5 s. */
  readonly fetchMs: number;
}

const defaults: RemoteKeyTimes = {
  refreshMs: 300_000,
  cooldownMs: 10_000,
  retryMs: 2_000,
  staleMs: 86_400_000,
  fetchMs: 5_000,
};

/** Largest JWKS that is read, in bytes: over a thousand keys. */
const maxBytes = 512 * 1_024;

/** Keys that are fetched from a URL. */
export interface RemoteKeys extends KeySet {
  /** Stops fetching. */
  close(): void;
}

/** What {@link openRemoteKeys} tells. */
export interface RemoteKeyEvents {
  /** The keys are others than before. */
  readonly onChange: () => void;
  /** They could not be fetched; said once until it works again. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Fetches the keys of a JWKS URL now and then, so that a rotation is found without a restart: a key that is
 * new when a token brings it, a key that was taken out within `refreshMs`. Calls never cause more than one
 * fetch in `cooldownMs`, and wait for one only when the key they need is not there. An outage leaves the
 * keys that are known in use.
 */
export function openRemoteKeys(url: URL, events: RemoteKeyEvents, times: Partial<RemoteKeyTimes> = {}): RemoteKeys {
  const { refreshMs, cooldownMs, retryMs, staleMs, fetchMs } = { ...defaults, ...times };
  let keys: KeySet | undefined;
  let text = "";
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failed = false;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function load(): Promise<void> {
    triedAt = performance.now();
    try {
      const found = await fetchJwks(url, fetchMs);
      fetchedAt = performance.now();
      failed = false;
      const next = JSON.stringify(found);
      if (next !== text) {
        keys = createKeySet(found);
        text = next;
        events.onChange();
      }
    } catch (error) {
      if (!failed) events.onFailure(error);
      failed = true;
    }
  }

  /** Fetches now; calls at the same time share one fetch. */
  function refresh(): Promise<void> {
    clearTimeout(timer);
    running ??= load().finally(() => {
      running = undefined;
      if (closed) return;
      timer = setTimeout(() => void refresh(), failed ? Math.max(retryMs, refreshMs / 30) : refreshMs).unref();
    });
    return running;
  }

  /** Fetches unless that was done a moment ago. */
  async function refreshUnlessRecent(): Promise<void> {
    if (running || performance.now() - triedAt >= (failed ? retryMs : cooldownMs)) await refresh();
  }

  void refresh();
  return {
    async find(header) {
      const usable = () => (performance.now() - fetchedAt < staleMs ? keys : undefined);
      if (!usable()) await refreshUnlessRecent();
      const known = (await usable()?.find(header)) ?? [];
      if (known.length > 0) return known;
      await refreshUnlessRecent();
      const found = (await usable()?.find(header)) ?? [];
      // Nobody can say whether a key that is not there is new or made up while the list is out of reach.
      if (found.length === 0 && (failed || !usable())) throw errors.keysUnavailable();
      return found;
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

async function fetchJwks(url: URL, fetchMs: number): Promise<JWK[]> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    // A redirect could lead anywhere, and to plain text.
    redirect: "error",
    signal: AbortSignal.timeout(fetchMs),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the JWKS URL answered with the status ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new Error(`the JWKS is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const { keys } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error("the JWKS URL answered with no JWKS");
  // Keys of other kinds may stand in a JWKS; a private one must not, and is no reason to trust it.
  const usable = keys.filter(isPublicKey);
  if (usable.length === 0) throw new Error("the JWKS holds no public key that verifies signatures");
  return usable;
}
