import { Command } from "commander";
import type { CommandIo } from "../command-io.ts";

/** `wellvault migrate`: what a start of the service does to the database, without serving. */
export function migrateCommand(io: CommandIo): Command {
  return new Command("migrate")
    .description("bring the database and every vault up to date; for services that run with WELLVAULT_MIGRATE=off")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => runMigrate(options, io));
}

async function runMigrate({ json }: { json?: boolean }, { env, stdout, stderr }: CommandIo): Promise<void> {
  stderr.write("Migrating the database ...\n");
  const { databaseOf } = await import("../database-of.ts");
  const { migrateControl } = await import("../../database/migrations.ts");
  const { kindRows } = await import("../../metrics/kind-rows.ts");
  const { migrateFleet } = await import("../../tenancy/fleet.ts");
  const { showProgress } = await import("../demo/progress.ts");
  const { makeCanary } = await import("../../verification.ts");
  const { openLog } = await import("../../telemetry/log.ts");
  const database = await databaseOf(env);
  const { url, config, tokenKey } = database;
  const { loginSecret, dataLogins } = config;
  const control = await migrateControl(url, { loginSecret, tokenKey, metricKinds: kindRows, dataLogins });
  let progress: ReturnType<typeof showProgress> | undefined;
  try {
    const fleet = await migrateFleet(url, (_, of) => {
      progress ??= showProgress(stderr, of, "vaults");
      progress.add(1);
    });
    progress?.[Symbol.dispose]();
    await makeCanary({ ...database, log: openLog("error") });
    const report = { ...control, vaultsMigrated: fleet.migrated, vaults: fleet.total };
    stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
  } finally {
    progress?.[Symbol.dispose]();
  }
}

function textOf(report: {
  readonly serverVersion: string;
  readonly applied: readonly string[];
  readonly tenantVersion: number;
  readonly passwordsSet: readonly string[];
  readonly hardened: boolean;
  readonly tokenKeys: number;
  readonly vaultsMigrated: number;
  readonly vaults: number;
}): string {
  const lines = [
    `PostgreSQL ${report.serverVersion}`,
    `Control migrations applied: ${report.applied.join(", ") || "none, all were"}`,
    `Vaults brought to version ${report.tenantVersion}: ${report.vaultsMigrated} of ${report.vaults}`,
    `Passwords set: ${report.passwordsSet.join(", ") || "none"}`,
    report.hardened
      ? "Hardened: PUBLIC has nothing that it must not have."
      : "Not hardened: the migrating role is no superuser. Let one run `wellvault harden`; see docs/security.md.",
  ];
  if (report.tokenKeys > 1) lines.push(`Keys of the tenant tokens: ${report.tokenKeys}. See \`wellvault keys\`.`);
  return `${lines.join("\n")}\n`;
}
