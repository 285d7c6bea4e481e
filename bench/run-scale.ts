import type { BenchOptions } from "./options.ts";
export async function runScale(
  _o: BenchOptions,
  _s: NodeJS.WriteStream,
  _g: AbortSignal,
): Promise<{ readonly problems: readonly string[] }> {
  return { problems: [] };
}
