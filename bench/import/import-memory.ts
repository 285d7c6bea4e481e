import { spawn } from "node:child_process";
import { join } from "node:path";
import { nodeStartOf } from "../node-start.ts";

/** An importer whose files can be generated. */
export type Importer = "apple-health" | "fhir";

/** What an import of a generated file took. */
export interface ImportMemory {
  /** Size of the file in millions of bytes. */
  readonly megabytes: number;
  readonly samples: number;
  readonly seconds: number;
  /** The most that was in use of the heap after a collection, in millions of bytes. */
  readonly liveHeapMegabytes: number;
  /** The most memory that the process had, in millions of bytes. */
  readonly peakResidentMegabytes: number;
}

/** How to import. */
export interface MeasureOptions {
  /** Records of a chunk. Default 10,000, as the command has it. */
  readonly chunk?: number;
  /** Whether everything that was read is kept, to see what that looks like. Default false. */
  readonly hold?: boolean;
}

/** Imports a generated file in a process of its own. */
export async function measureImport(
  importer: Importer,
  megabytes: number,
  { chunk = 10_000, hold = false }: MeasureOptions = {},
): Promise<ImportMemory> {
  const file = join(import.meta.dirname, "run-one.ts");
  const start = nodeStartOf("wellvault");
  const options = [
    `--importer=${importer}`,
    `--megabytes=${megabytes}`,
    `--chunk=${chunk}`,
    ...(hold ? ["--hold"] : []),
  ];
  const args = ["--expose-gc", ...start.options, file, ...options];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...start.env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data: Buffer) => {
    text += data;
  });
  const status = await new Promise<number | null>((done) => child.once("close", done));
  if (status !== 0) throw new Error(`the import ended with ${status}`);
  return JSON.parse(text) as ImportMemory;
}
