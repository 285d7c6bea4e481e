import type { Logger } from "pino";
import { createCredentialIdentity } from "./credential-identity.ts";
import { developmentIdentity } from "./development-identity.ts";
import { fileStamp, type IdentityFiles, readIdentityFiles, type TlsMaterial } from "./identity-files.ts";
import type { CredentialSettings, IdentitySettings } from "./identity-settings.ts";
import { createKeySet, type KeySet } from "./key-set.ts";
import type { Authenticate } from "./principal.ts";
import { openRemoteKeys, type RemoteKeys, type RemoteKeyTimes } from "./remote-keys.ts";
import { createTokenVerifier, type TokenVerifier } from "./token-verifier.ts";

/** Finds out who calls, for as long as the service runs. */
export interface Identity {
  readonly authenticate: Authenticate;
  /** What to speak TLS with at first, or undefined for plain text. */
  readonly tls: TlsMaterial | undefined;
  /** Calls `apply` with what to speak TLS with from now on, whenever that changes. */
  onTlsChange(apply: (material: TlsMaterial) => void): void;
  /** Reads the files again. What cannot be used is logged, and what was there before stays in use. */
  reload(): Promise<void>;
  /** Stops watching files and fetching keys. */
  close(): void;
}

/** How {@link openIdentity} works besides the settings. */
export interface IdentityOptions {
  /** How often the files are looked at, in milliseconds. Default 10 s. */
  readonly watchMs?: number;
  /** How often keys are fetched. */
  readonly keyTimes?: Partial<RemoteKeyTimes>;
  /** Tokens remembered at most; 0 verifies each time. */
  readonly remember?: number;
}

/**
 * Opens what the settings name.
 *
 * @throws ConfigError when a file cannot be used
 */
export async function openIdentity(
  settings: IdentitySettings,
  log: Logger,
  options: IdentityOptions = {},
): Promise<Identity> {
  if (settings.mode === "credentials") return await openCredentials(settings, log, options);
  const nothing = () => undefined;
  return {
    authenticate: developmentIdentity,
    tls: undefined,
    onTlsChange: nothing,
    reload: async () => undefined,
    close: nothing,
  };
}

async function openCredentials(
  settings: CredentialSettings,
  log: Logger,
  { watchMs = 10_000, keyTimes = {}, remember }: IdentityOptions,
): Promise<Identity> {
  let stamp = await fileStamp(settings);
  let files: IdentityFiles = await readIdentityFiles(settings);
  let fileKeys = createKeySet(files.keys ?? []);
  let applyTls: ((material: TlsMaterial) => void) | undefined;
  let lastFailure: string | undefined;

  let tokens: TokenVerifier | undefined;
  let remote: RemoteKeys | undefined;
  if (settings.tokens) {
    if ("url" in settings.tokens.keys) {
      remote = openRemoteKeys(
        settings.tokens.keys.url,
        {
          onChange: () => tokens?.forget(),
          onFailure: (error) =>
            log.warn({ err: error }, "the keys of tokens cannot be fetched; known ones stay in use"),
        },
        keyTimes,
      );
    }
    const keys: KeySet = remote ?? { find: (header) => fileKeys.find(header) };
    const onWarning = (message: string) => log.warn(message);
    tokens = createTokenVerifier(settings.tokens, {
      keys,
      onWarning,
      ...(remember === undefined ? {} : { remember }),
    });
  }

  async function reload(): Promise<void> {
    try {
      const nextStamp = await fileStamp(settings);
      const next = await readIdentityFiles(settings);
      const before = files;
      files = next;
      fileKeys = createKeySet(next.keys ?? []);
      tokens?.forget();
      if (next.tls && JSON.stringify(next.tls) !== JSON.stringify(before.tls)) applyTls?.(next.tls);
      stamp = nextStamp;
      lastFailure = undefined;
      log.info("the files of the identity's settings were read again");
    } catch (error) {
      // Files are not replaced all at once: this may be a certificate whose key is still to come.
      const message = error instanceof Error ? error.message : String(error);
      if (message !== lastFailure) log.error({ problem: message }, "changed settings cannot be used; the former stay");
      lastFailure = message;
    }
  }

  let watching = true;
  let timer: NodeJS.Timeout | undefined;
  const watch = () => {
    timer = setTimeout(async () => {
      if ((await fileStamp(settings)) !== stamp) await reload();
      if (watching) watch();
    }, watchMs).unref();
  };
  watch();
  return {
    authenticate: createCredentialIdentity({ tokens, certificates: () => files.certificates }),
    tls: files.tls,
    onTlsChange: (apply) => {
      applyTls = apply;
    },
    reload,
    close() {
      watching = false;
      clearTimeout(timer);
      remote?.close();
    },
  };
}
