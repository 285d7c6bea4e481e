import { Command } from "commander";
import { ConfigError } from "../../config.ts";
import type { CommandIo } from "../command-io.ts";

interface KeysOptions {
  readonly retire?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `wellvault keys`: which keys tenant tokens may be signed with, and the end of a change of keys. */
export function keysCommand(io: CommandIo): Command {
  return new Command("keys")
    .description("list the keys that tenant tokens may be signed with; end a change of keys")
    .option("--retire", "end the use of every key but the one of this configuration")
    .option("--yes", "with --retire: every process has the new secret, do it")
    .option("--json", "print JSON")
    .action((options: KeysOptions) => runKeys(options, io));
}

async function runKeys(options: KeysOptions, { env, stdout }: CommandIo): Promise<void> {
  const { databaseOf } = await import("../database-of.ts");
  const { listTokenKeys, retireTokenKeys } = await import("../../database/token-keys.ts");
  const { url, tokenKey } = await databaseOf(env);
  let retired = 0;
  if (options.retire) {
    const keys = await listTokenKeys(url);
    if (!keys.some((key) => key.id === tokenKey.id)) {
      throw new ConfigError(
        "The key of this configuration is not in use, so no other one is retired. Run `wellvault migrate` first.",
      );
    }
    if (keys.length > 1 && !options.yes) {
      throw new ConfigError(
        `This ends the use of ${keys.length - 1} keys: processes that sign with them fail from then on. ` +
          "Say --yes when every process has the secret of this configuration.",
      );
    }
    retired = await retireTokenKeys(url, tokenKey.id);
  }
  const keys = await listTokenKeys(url);
  const shown = keys.map((key) => ({
    ...key,
    ageDays: Math.floor((Date.now() - Date.parse(key.createTime)) / 86_400_000),
    own: key.id === tokenKey.id,
  }));
  if (options.json) {
    stdout.write(`${JSON.stringify({ keys: shown, retired }, null, 2)}\n`);
    return;
  }
  for (const key of shown) {
    const own = key.own ? "  this configuration signs with it" : "";
    stdout.write(`${key.id}  since ${key.createTime}, ${key.ageDays} days${own}\n`);
  }
  if (options.retire) stdout.write(`${retired} retired.\n`);
  if (!shown.some((key) => key.own)) {
    stdout.write(`The key of this configuration, ${tokenKey.id}, is not in use: run \`wellvault migrate\`.\n`);
  }
}
