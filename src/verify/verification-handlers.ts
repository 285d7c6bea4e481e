import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { errors } from "../errors.ts";
import {
  type VerificationReport,
  VerificationReportSchema,
  VerificationResult,
} from "../gen/wellvault/v1/verification_pb.ts";
import type {
  VerifyIsolationRequest,
  VerifyIsolationResponseSchema,
} from "../gen/wellvault/v1/verification_service_pb.ts";
import type { Report } from "./report.ts";
import { sealReport } from "./seal.ts";
import type { VerifyOptions, VerifyProgress } from "./verify.ts";

/** Runs a verification of the service's own database. */
export type RunVerification = (
  options: Pick<VerifyOptions, "onProgress"> & { readonly seed: string | undefined; readonly signal: AbortSignal },
) => Promise<Report>;

type Response = MessageInitShape<typeof VerifyIsolationResponseSchema>;

/** Findings of a check that one response holds: with more it would be too large a message. */
const maxFindings = 100;

/** Text of a finding at most, in characters. */
const maxText = 2_000;

/** The least time between two messages of progress, in milliseconds. */
const progressMs = 100;

/** Makes the handler of VerificationService. It runs one verification at a time. */
export function createVerificationHandlers(run: RunVerification) {
  let running = false;
  return {
    async *verifyIsolation(request: VerifyIsolationRequest, signal: AbortSignal): AsyncGenerator<Response> {
      if (running) throw errors.overloaded();
      running = true;
      // A caller who goes away ends the generator at a yield, and that ends the verification.
      const end = new AbortController();
      let latest: VerifyProgress | undefined;
      const report = run({
        seed: request.seed || undefined,
        signal: AbortSignal.any([signal, end.signal]),
        onProgress: (progress) => {
          latest = progress;
        },
      }).finally(() => {
        running = false;
      });
      // What it rejects with is thrown below, or nobody waits for it any more.
      report.catch(() => undefined);
      try {
        for (;;) {
          const done = await Promise.race([report, pause(progressMs)]);
          if (done) {
            yield { event: { case: "report", value: toMessage(done) } };
            return;
          }
          if (!latest) continue;
          const { stage, done: doneCount, of: totalCount } = latest;
          latest = undefined;
          yield { event: { case: "progress", value: { stage, doneCount, totalCount } } };
        }
      } finally {
        end.abort();
      }
    },
  };
}

async function pause(ms: number): Promise<undefined> {
  await new Promise((done) => setTimeout(done, ms));
}

const results = {
  passed: VerificationResult.PASSED,
  failed: VerificationResult.FAILED,
  incomplete: VerificationResult.INCOMPLETE,
  not_run: VerificationResult.INCOMPLETE,
} as const;

function toMessage(report: Report): VerificationReport {
  return create(VerificationReportSchema, {
    time: timestampFromDate(new Date(report.time)),
    durationMs: BigInt(report.durationMs),
    result: results[report.result],
    companyCount: report.companies,
    wellvaultVersion: report.versions.wellvault,
    postgresqlVersion: report.versions.postgresql,
    controlMigration: report.versions.controlMigration,
    tenantMigration: report.versions.tenantMigration,
    databaseName: report.database.name,
    systemIdentifier: report.database.systemIdentifier,
    seed: report.canary.seed,
    calledTenantIds: [...report.canary.called],
    limits: [...report.limits],
    digest: sealReport(report).seal.digest,
    checks: report.checks.map((check) => ({
      checkId: check.id,
      title: check.title,
      remedy: check.remedy,
      note: check.severity === "note",
      method: check.how.description,
      statementDigest: check.how.sha256 ?? "",
      result: results[check.result],
      examinedCount: check.examined,
      durationMs: BigInt(check.durationMs),
      findingCount: check.findingCount,
      findings: check.findings.slice(0, maxFindings).map(({ tenantId, object, problem }) => ({
        tenantId: tenantId ?? "",
        object: object.slice(0, maxText),
        problem: problem.slice(0, maxText),
      })),
    })),
  });
}
