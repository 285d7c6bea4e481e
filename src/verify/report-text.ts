import type { CheckResult } from "./check.ts";
import type { Report } from "./report.ts";
import type { SealedReport } from "./seal.ts";

/** Findings of a check that the text tells one by one; the JSON has more. */
const shown = 20;

const results: Readonly<Record<Report["result"], string>> = {
  passed: "PASSED: every check was done and found nothing",
  failed: "FAILED: see the findings below",
  incomplete: "INCOMPLETE: some checks could not be done, see below",
};

/** Returns a report as a document for people. */
export function reportText({ report, seal }: SealedReport): string {
  const { versions, database, canary, checks } = report;
  const open = checks.filter((check) => check.result !== "passed");
  const lines = [
    "WELLVAULT: VERIFICATION OF THE ISOLATION OF TENANTS",
    "",
    `Time        ${report.time} (UTC), ${(report.durationMs / 1_000).toFixed(1)} s`,
    `Result      ${results[report.result]}`,
    `Database    ${database.name}, system identifier ${database.systemIdentifier}, read as ${database.login}`,
    `            migrated by ${database.controlOwner}`,
    `Companies   ${report.companies}`,
    `Versions    Wellvault ${versions.wellvault}, PostgreSQL ${versions.postgresql}, control migration ${versions.controlMigration},`,
    `            tenant migration ${versions.tenantMigration}, hardening ${versions.hardening.slice(0, 16)}`,
    `Canary      looked for as ${canary.called.length} of ${canary.tenants} other tenants through the service, drawn by the seed`,
    `            ${canary.seed}, and as every vault by SQL. The service was called`,
    ...wrapped(`${canary.way}.`, "            ", "            "),
    "",
    `CHECKS (${checks.length})`,
    "",
    ...checks.map(checkLine),
    "",
    ...open.flatMap(openCheck),
    "WHAT THIS DOES NOT SHOW",
    "",
    ...report.limits.flatMap((limit) => wrapped(limit, "- ", "  ")),
    "",
    "HOW EACH CHECK WAS DONE",
    "",
    ...checks.map(
      (check) => `${check.id}: ${check.how.description}${check.how.sha256 ? `, SHA-256 ${check.how.sha256}` : ""}`,
    ),
    "",
    "SEAL",
    "",
    `SHA-256     ${seal.digest}`,
    seal.signature ? `Ed25519     ${seal.signature.value}` : "Signature   none: no key was given",
    ...(seal.signature ? seal.signature.publicKey.trim().split("\n") : []),
    "The digest and the signature are of the report's JSON; `wellvault verify --check-report FILE.json` checks them.",
    "",
    "SIGN-OFF",
    "",
    "Reviewed by ______________________________",
    "",
    "Date        ______________________________",
    "",
    "Signature   ______________________________",
    "",
  ];
  return lines.join("\n");
}

function checkLine(check: CheckResult): string {
  const word = { passed: "ok  ", failed: check.severity === "note" ? "note" : "FAIL", not_run: "????" }[check.result];
  const count = check.result === "failed" ? `, ${check.findingCount} found` : "";
  return `[${word}] ${check.id}: ${check.title} (${check.examined} examined${count}, ${check.durationMs} ms)`;
}

function openCheck(check: CheckResult): string[] {
  const kind = check.result === "not_run" ? "NOT DONE" : check.severity === "note" ? "NOTE" : "FINDING";
  const more = check.findingCount - Math.min(shown, check.findings.length);
  return [
    `${kind}: ${check.id}`,
    ...wrapped(check.remedy, "  ", "  "),
    ...check.findings
      .slice(0, shown)
      .map(
        ({ tenantId, object, problem }) =>
          `  - ${tenantId === null ? "" : `tenant ${tenantId}: `}${object}: ${problem}`,
      ),
    ...(more > 0 ? [`  - and ${more} more`] : []),
    "",
  ];
}

function wrapped(text: string, first: string, rest: string): string[] {
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(" ")) {
    if (line.length + word.length > 110) {
      lines.push(line.trimEnd());
      line = rest;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
