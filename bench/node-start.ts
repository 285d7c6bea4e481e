import { readFileSync } from "node:fs";
import { join } from "node:path";

/** How a script of package.json starts Node. */
export interface NodeStart {
  /** Options of Node, such as `--max-semi-space-size=8`. */
  readonly options: readonly string[];
  /** What it sets in the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Reads how a script of package.json starts Node, so that what is measured is started as users start it.
 *
 * @throws Error when there is no such script, or it does not start Node
 */
export function nodeStartOf(script: string): NodeStart {
  const file = join(import.meta.dirname, "../package.json");
  const { scripts } = JSON.parse(readFileSync(file, "utf8")) as { scripts: Record<string, string> };
  const [, settings = "", options] = /^((?:\w+=\S+ )*)exec node ((?:--\S+ )*)/.exec(scripts[script] ?? "") ?? [];
  if (options === undefined) throw new Error(`package.json has no script ${script} that starts Node`);
  const words = (text: string) => text.split(" ").filter(Boolean);
  return {
    options: words(options),
    env: Object.fromEntries(words(settings).map((setting) => setting.split("=", 2) as [string, string])),
  };
}
