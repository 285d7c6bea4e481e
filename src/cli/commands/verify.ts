import { readFile, writeFile } from "node:fs/promises";
import { Command } from "commander";
import { ConfigError } from "../../config.ts";
import type { SealedReport } from "../../verify/seal.ts";
import type { CommandIo } from "../command-io.ts";

interface VerifyCommandOptions {
  readonly json?: boolean;
  readonly out?: string;
  readonly signKey?: string;
  readonly checkReport?: string;
  readonly publicKey?: string;
}

/**
 * `wellvault verify`: looks for every hole in the isolation of the tenants. Exit code 0 when it found none, 1
 * when it found one, 2 when something could not be checked.
 */
export function verifyCommand(io: CommandIo): Command {
  return new Command("verify")
    .description("look for holes in the isolation of tenants, and report what was checked and found")
    .option("--json", "print the report as JSON")
    .option("--out <file>", "write the report to <file>.txt and <file>.json")
    .option("--sign-key <file>", "sign the report with an Ed25519 private key (PEM, PKCS #8)")
    .option("--check-report <file>", "check the seal of a report (JSON) instead")
    .option("--public-key <file>", "with --check-report: the public key (PEM) that must have signed it")
    .addHelpText("after", "\nExit codes: 0 nothing found, 1 something found, 2 something could not be checked.")
    .action((options: VerifyCommandOptions) =>
      options.checkReport ? checkReport(options, io) : runVerify(options, io),
    );
}

async function runVerify(options: VerifyCommandOptions, io: CommandIo): Promise<void> {
  io.stderr.write("Verifying the isolation of tenants ...\n");
  // The key first: a report that cannot be signed is not worth waiting for.
  const signKey = options.signKey === undefined ? undefined : await readText(options.signKey);
  const { databaseOf } = await import("../database-of.ts");
  const { runVerification } = await import("../run-verification.ts");
  const { sealReport } = await import("../../verify/seal.ts");
  const { reportText } = await import("../../verify/report-text.ts");
  const report = await runVerification(await databaseOf(io.env), io.stderr).catch((error: unknown) => {
    io.exitCode = 2;
    throw error;
  });
  const sealed = sealReport(report, signKey);
  const json = `${JSON.stringify(sealed, null, 2)}\n`;
  const text = reportText(sealed);
  if (options.out !== undefined) {
    await writeFile(`${options.out}.json`, json);
    await writeFile(`${options.out}.txt`, text);
  }
  io.stdout.write(options.json ? json : text);
  io.exitCode = { passed: 0, failed: 1, incomplete: 2 }[report.result];
}

async function checkReport(options: VerifyCommandOptions, io: CommandIo): Promise<void> {
  const { checkSeal } = await import("../../verify/seal.ts");
  const file = options.checkReport ?? "";
  const sealed = parseReport(await readText(file), file);
  const publicKey = options.publicKey === undefined ? undefined : await readText(options.publicKey);
  const found = checkSeal(sealed, publicKey);
  const say = (text: string) => io.stdout.write(`${text}\n`);
  say(found.digest ? "The report is as it was sealed." : "The report was CHANGED after it was sealed.");
  if (found.signature === undefined) say("It is not signed.");
  else say(found.signature ? "Its signature is right for the key in it." : "Its signature is WRONG.");
  if (found.trusted !== undefined) {
    say(found.trusted ? "It was signed with the key given." : "It was NOT signed with the key given.");
  } else if (found.signature) {
    say("Who signed it only --public-key can tell.");
  }
  const right = found.digest && found.signature !== false && found.trusted !== false;
  io.exitCode = right ? 0 : 1;
}

function parseReport(text: string, file: string): SealedReport {
  try {
    const value = JSON.parse(text) as SealedReport;
    if (value.report.format === "wellvault verification 1" && typeof value.seal.digest === "string") return value;
  } catch {
    // Told below.
  }
  throw new ConfigError(`${file} is no report of wellvault verify in JSON.`);
}

async function readText(file: string): Promise<string> {
  return await readFile(file, "utf8").catch((error: Error) => {
    throw new ConfigError(`${file} cannot be read: ${error.message}`);
  });
}
