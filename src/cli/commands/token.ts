import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Role, roles } from "../../identity/principal.ts";
import type { CommandIo } from "../command-io.ts";

/** The options of `wellvault token` as commander reads them. */
interface TokenOptions {
  readonly role: Role;
  readonly tenant: readonly string[];
  readonly employeeId?: string;
  readonly subject?: string;
  readonly expires: number;
  readonly key?: string;
  readonly json?: boolean;
}

/** The options by what they say of the caller. */
const optionOf = { subject: "--subject", role: "--role", tenants: "--tenant", employeeId: "--employee-id" };

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** The longest that a token may be good for, in seconds: what the service accepts by default. */
const longestS = 86_400;

/**
 * `wellvault token`: signs a token with the development key of the data folder, which it makes the first
 * time, and says which settings make the service accept it.
 */
export function tokenCommand(io: CommandIo): Command {
  return new Command("token")
    .description("print a token for development; how to make the service accept it is told on standard error")
    .addOption(new Option("--role <role>", "what the caller is").choices(roles).makeOptionMandatory())
    .option("--tenant <id>", "tenant it may act for; repeatable; '*' for all", append, [])
    .option("--employee-id <uuid>", "the caller's own employee id; for the role employee")
    .option("--subject <id>", "who the caller is; default development-<role>")
    .option("--expires <time>", "how long it is good for, such as 30s, 15m or 1h; at most 24h", seconds, 3_600)
    .option("--key <file>", "private key (PEM, PKCS #8) to sign with; default the data folder's")
    .option("--json", "print the token with its settings and public keys as JSON")
    .action((options: TokenOptions) => printToken(options, io));
}

async function printToken(options: TokenOptions, { env, stdout, stderr }: CommandIo): Promise<void> {
  const { openDevelopmentKey, readSigningKey } = await import("../../identity/development-key.ts");
  const { mintToken } = await import("../../identity/mint-token.ts");
  const { readGrant } = await import("../../identity/read-grant.ts");
  const { ConfigError } = await import("../../config.ts");
  const { readClaimNames } = await import("../../identity/claim-names.ts");
  const subject = options.subject ?? `development-${options.role}`;
  const tenants = options.tenant.length > 0 ? options.tenant : undefined;
  // By the rules that the service reads a token by, so that no token is printed that it would refuse.
  const { role, employeeId } = options;
  readGrant({ subject, role, tenants, employeeId }, (claim, expected) => {
    return new ConfigError(`${optionOf[claim]} must be ${expected}.`);
  });
  const development = options.key ? undefined : await openDevelopmentKey(resolve(env["WELLVAULT_DATA_DIR"] || "data"));
  const key = development ?? (await readSigningKey(resolve(options.key ?? "")));
  const issuer = env["WELLVAULT_JWT_ISSUER"] || "wellvault-development";
  const audience = env["WELLVAULT_JWT_AUDIENCE"] || "wellvault";
  const contents = {
    issuer,
    audience,
    subject,
    role,
    tenants: options.tenant,
    employeeId,
    lifetimeS: options.expires,
  };
  const token = await mintToken(key, contents, readClaimNames(env));
  const settings = {
    WELLVAULT_IDENTITY: "credentials",
    WELLVAULT_JWT_ISSUER: issuer,
    WELLVAULT_JWT_AUDIENCE: audience,
    WELLVAULT_JWT_ALGORITHMS: key.algorithm,
    WELLVAULT_JWT_KEYS_FILE: development?.keysFile ?? "a file with the public half of the key",
  };
  if (options.json) {
    stdout.write(`${JSON.stringify({ token, settings, publicKeys: { keys: [key.publicJwk] } }, null, 2)}\n`);
    return;
  }
  stdout.write(`${token}\n`);
  stderr.write(`\nFor development only. The service accepts it when it is started with:\n\n`);
  for (const [name, value] of Object.entries(settings)) stderr.write(`  ${name}=${quoted(value)}\n`);
}

function append(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function seconds(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  const value = Number(count) * (unitSeconds[unit] ?? 0);
  if (value < 1 || value > longestS) throw new InvalidArgumentError("It must be a time from 1s to 24h, such as 15m.");
  return value;
}

/** A value as a shell takes it. */
function quoted(value: string): string {
  return /^[\w./:@-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
