import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { stripVTControlCharacters } from "node:util";
import pg from "pg";
import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from "vitest/node";
import { attackIds } from "./catalogue.ts";
import { type Finished, makeReport } from "./report.ts";
import { drawReport } from "./table.ts";

/** Shows the attacks as they come to their end, and the table of all when the last one has. */
export class AttackReporter implements Reporter {
  readonly #started = performance.now();
  readonly #finished: Finished[] = [];
  readonly #jsonFile: string | undefined;
  readonly #others: string[] = [];
  #vitest: Vitest | undefined;
  #server: Promise<string> | undefined;

  /** @param jsonFile file to write the results to, for machines; none when undefined */
  constructor(jsonFile: string | undefined) {
    this.#jsonFile = jsonFile;
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestCaseResult(test: TestCase): void {
    this.#server ??= this.#askServer();
    const result = test.result();
    const record = test.meta().attack;
    const error = result.errors?.map(describe).join("\n");
    if (record) {
      const passed = result.state === "passed";
      const durationMs = test.diagnostic()?.duration ?? 0;
      this.#finished.push({ record, passed, error, file: basename(test.module.moduleId), durationMs });
    } else if (result.state !== "passed") {
      this.#others.push(`${basename(test.module.moduleId)}: ${test.name}: ${error ?? result.state}`);
    }
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${this.#progress()} ${record?.id ?? ""}`);
  }

  onTestModuleEnd(module: TestModule): void {
    for (const error of module.errors()) this.#others.push(`${basename(module.moduleId)}: ${describe(error)}`);
    const clear = process.stdout.isTTY ? "\r\x1b[K" : "";
    console.log(`${clear}${this.#progress()}: ${basename(module.moduleId)} ${module.state()}`);
  }

  async onTestRunEnd(_: readonly TestModule[], unhandled: readonly SerializedError[]): Promise<void> {
    this.#others.push(...unhandled.map(describe));
    const report = makeReport(this.#finished);
    const seconds = (performance.now() - this.#started) / 1_000;
    const server = (await this.#server) ?? "no server";
    for (const other of this.#others) console.log(`\nFAILED ${other}`);
    console.log(`\n${drawReport(report, seconds, server)}`);
    const ok = report.failed === 0 && report.notRun === 0 && this.#others.length === 0;
    if (this.#jsonFile !== undefined) {
      const results = { ok, server, seconds, ...report, otherFailures: this.#others };
      writeFileSync(this.#jsonFile, `${JSON.stringify(results, undefined, 2)}\n`);
    }
    process.exitCode = ok ? 0 : 1;
  }

  #progress(): string {
    const done = new Set(
      this.#finished.filter(({ record }) => record.kind === "attack").map(({ record }) => record.id),
    );
    const seconds = ((performance.now() - this.#started) / 1_000).toFixed(0).padStart(3);
    return `${seconds} s, ${String(done.size).padStart(3)} of ${attackIds.length} attacks made`;
  }

  async #askServer(): Promise<string> {
    const client = new pg.Client({ connectionString: this.#vitest?.getRootProject().getProvidedContext().serverUrl });
    try {
      await client.connect();
      const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
      return `PostgreSQL ${rows[0]?.version.split(" ")[0]}`;
    } catch {
      return "PostgreSQL of an unknown version";
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

function describe(error: SerializedError): string {
  return stripVTControlCharacters(error.message);
}
