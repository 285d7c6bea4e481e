import { parseArgs } from "node:util";
import { readAppleHealth } from "../../src/importers/apple-health/read-export.ts";
import { readBundle } from "../../src/importers/fhir/read-bundle.ts";
import { namedSubjects } from "../../src/importers/fhir/subjects.ts";
import { newState } from "../../src/importers/import-state.ts";
import { noCounts } from "../../src/importers/push-samples.ts";
import { runImport } from "../../src/importers/run-import.ts";
import { generateBundle } from "./generate-bundle.ts";
import { generateExport } from "./generate-export.ts";
import type { ImportMemory } from "./import-memory.ts";

/**
 * Imports one generated file and prints an {@link ImportMemory} as JSON. The samples are read, checked and batched as
 * the command does it, and then given to nobody. For Node with `--expose-gc`.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      importer: { type: "string", default: "apple-health" },
      megabytes: { type: "string", default: "8" },
      chunk: { type: "string", default: "10000" },
      hold: { type: "boolean", default: false },
    },
  });
  const bytes = Number(values.megabytes) * 1_000_000;
  const { gc } = globalThis;
  if (!gc) throw new Error("Run it with --expose-gc.");
  const state = newState();
  /** What the control keeps, as an importer would that reads a file before it sends it. */
  const held: unknown[] = [];
  let liveHeap = 0;
  let next = 0;
  const begin = performance.now();
  const steps =
    values.importer === "fhir"
      ? readBundle("bundle.json", { subjects: namedSubjects(), utcOffset: undefined }, generateBundle(bytes))
      : readAppleHealth("export.xml", "E-1", generateExport(bytes));
  await runImport(steps, {
    state,
    chunkSize: Number(values.chunk),
    signal: new AbortController().signal,
    onProblem: (problem) => {
      throw new Error(problem.problem);
    },
    onState: () => undefined,
    onBytes(done) {
      if (done < next) return;
      next = done + bytes / 20;
      gc();
      liveHeap = Math.max(liveHeap, process.memoryUsage().heapUsed);
    },
    async send(_, samples) {
      if (values.hold) held.push(...samples);
      return { type: "stored", counts: { ...noCounts, inserted: samples.length } };
    },
  });
  const seconds = (performance.now() - begin) / 1_000;
  const result: ImportMemory = {
    megabytes: Number(values.megabytes),
    samples: state.counts.inserted,
    seconds: Number(seconds.toFixed(1)),
    liveHeapMegabytes: Number((liveHeap / 1e6).toFixed(1)),
    peakResidentMegabytes: Math.round(process.resourceUsage().maxRSS / 1_000),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

await main();
