import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";

const source = join(import.meta.dirname, "../../src");

/** A statement as the source declares it. */
export interface DeclaredStatement {
  readonly name: string;
  /** Path below `src`. */
  readonly file: string;
  /** The text of its comment. */
  readonly comment: string;
}

/** An exported statement, with the comment before it, if there is one. */
const declaration =
  /(?:\/\*\*((?:[^*]|\*(?!\/))*)\*\/\s*)?export const (\w+) = (?:withRows\(\s*\w+,\s*)?(?:statement|keptStatement)\b/g;

/** Reads the statements that the service's source exports, one a file. */
export async function readStatements(): Promise<DeclaredStatement[]> {
  const found: DeclaredStatement[] = [];
  for await (const file of glob("*/statements/*.ts", { cwd: source })) {
    for (const [, comment = "", name = ""] of (await readFile(join(source, file), "utf8")).matchAll(declaration)) {
      found.push({ name, file, comment: comment.replaceAll(/\s*\n\s*\* ?/g, " ").trim() });
    }
  }
  return found;
}

/** The numbers of buffers that a comment names. */
export function buffersIn(comment: string): number[] {
  return [...comment.matchAll(/\b([\d,]+) buffers?\b/g)].map(([, figure = ""]) => Number(figure.replaceAll(",", "")));
}

/** Whether a comment's figure is what was read, up to a tenth more or less: pages are filled a little differently each time. */
export function isNear(figure: number, buffers: number): boolean {
  return Math.abs(figure - buffers) <= buffers / 10;
}
