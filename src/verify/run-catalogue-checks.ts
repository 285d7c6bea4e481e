import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sqlFolder } from "../database/migrations.ts";
import type { AuditorConnection } from "./auditor-connection.ts";
import { catalogueChecks } from "./catalogue-checks.ts";
import { type CheckInfo, type CheckResult, type Finding, maxFindings, notRun } from "./check.ts";
import type { Expectation } from "./expectation.ts";
import { prelude } from "./prelude.ts";

/** What a check's statement answers: one row. */
interface Answer {
  readonly examined: number;
  readonly problems: number;
  readonly findings: readonly { tenant_id: string | null; object: string; problem: string }[];
}

/**
 * Runs every check of the catalogue on one snapshot of it. One that fails to run does not keep the others
 * from running.
 *
 * @param onCheck told of each check when it is done
 * @param checks those to run; default all
 */
export async function runCatalogueChecks(
  connection: AuditorConnection,
  expectation: Expectation,
  onCheck: (result: CheckResult) => void = () => undefined,
  checks: readonly CheckInfo[] = catalogueChecks,
): Promise<CheckResult[]> {
  const start = await prelude();
  const parameter = JSON.stringify(expectation);
  return await connection.snapshot(async () => {
    const results: CheckResult[] = [];
    for (const check of checks) {
      const result = await runCheck(connection, check, start, parameter);
      results.push(result);
      onCheck(result);
    }
    return results;
  });
}

async function runCheck(
  connection: AuditorConnection,
  check: CheckInfo,
  start: string,
  parameter: string,
): Promise<CheckResult> {
  const startedAt = performance.now();
  const file = `sql/verify/${check.id}.sql`;
  const text = statementOf(start, await readFile(join(sqlFolder, `verify/${check.id}.sql`), "utf8"));
  const how = { description: file, sha256: createHash("sha256").update(text).digest("hex") };
  try {
    await connection.query("savepoint one_check");
    const [answer] = await connection.query<Answer>(text, [parameter]);
    if (!answer) throw new Error("the query returned nothing");
    return {
      ...check,
      how,
      result: answer.problems > 0 ? "failed" : "passed",
      examined: answer.examined,
      durationMs: Math.round(performance.now() - startedAt),
      findingCount: answer.problems,
      findings: answer.findings.map(
        ({ tenant_id: tenantId, object, problem }): Finding => ({ tenantId, object, problem }),
      ),
    };
  } catch (error) {
    await connection.query("rollback to savepoint one_check").catch(() => undefined);
    return notRun(check, how, startedAt, error);
  }
}

/** The statement of a check: what it examines is counted, and what is wrong is told in a stable order. */
function statementOf(start: string, check: string): string {
  return `${start}checked as materialized (
${check}
)
select count(*)::integer as examined, count(c.problem)::integer as problems,
  (
    select coalesce(json_agg(f), '[]')
    from (
      select p.tenant_id, coalesce(p.object, '') as object, p.problem
      from checked as p
      where p.problem is not null
      order by p.tenant_id collate "C" nulls first, p.object collate "C", p.problem collate "C"
      limit ${maxFindings}
    ) as f
  ) as findings
from checked as c`;
}
