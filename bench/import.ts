import { parseArgs } from "node:util";
import { measureImport } from "./import/import-memory.ts";

const usage = `Usage: npm run bench:import -- [options]

Measures how much memory an import takes: two generated files, one of a quarter of the size of the other, are streamed
through the reader, the checks and the batches of the command, each in a process of its own.

  --importer N   apple-health or fhir; default apple-health
  --megabytes N  size of the larger file, 4 to 8192; default 64
  --json         prints the results as JSON
`;

/** Runs the benchmark and prints its results. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      importer: { type: "string", default: "apple-health" },
      megabytes: { type: "string", default: "64" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const megabytes = Number(values.megabytes);
  const { importer } = values;
  const known = importer === "apple-health" || importer === "fhir";
  if (values.help || !known || !Number.isInteger(megabytes) || megabytes < 4 || megabytes > 8_192) {
    process.stdout.write(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const results = [await measureImport(importer, Math.round(megabytes / 4)), await measureImport(importer, megabytes)];
  if (values.json) {
    process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
    return;
  }
  process.stdout.write("     MB   samples  seconds  live heap MB  peak resident MB\n");
  for (const one of results) {
    const cells = [
      [one.megabytes, 7],
      [one.samples, 10],
      [one.seconds, 9],
      [one.liveHeapMegabytes, 14],
      [one.peakResidentMegabytes, 18],
    ] as const;
    process.stdout.write(`${cells.map(([value, width]) => String(value).padStart(width)).join("")}\n`);
  }
}

await main();
