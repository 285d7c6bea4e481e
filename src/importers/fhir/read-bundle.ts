import { createReadStream } from "node:fs";
import { Tokenizer, TokenParser, TokenType } from "@streamparser/json";
import type { ImportEvent, ImportProblem, ReadStep } from "../import-event.ts";
import { asObject } from "./json.ts";
import type { ObservationOptions } from "./read-observation.ts";
import { readResource } from "./read-resource.ts";

/** Bytes of an entry at most, and of what stands around entries. Memory must not follow them. */
const maxEntryBytes = 4 * 1_048_576;
/** Lists and objects within each other at most: each takes far more memory than its bracket. Resources have a dozen. */
const maxDepth = 100;
const lineFeed = 0x0a;
const opening: ReadonlySet<TokenType> = new Set([TokenType.LEFT_BRACE, TokenType.LEFT_BRACKET]);
const closing: ReadonlySet<TokenType> = new Set([TokenType.RIGHT_BRACE, TokenType.RIGHT_BRACKET]);

/**
 * Streams the observations of a Bundle, entry by entry.
 *
 * @param chunks the file's bytes; default they are read from `path`
 * @throws the file system's error when the file cannot be opened or read
 */
export async function* readBundle(
  path: string,
  options: ObservationOptions,
  chunks: AsyncIterable<Buffer> = createReadStream(path),
): AsyncGenerator<ReadStep, void, undefined> {
  let events: ImportEvent[] = [];
  /** Entries that are parsed and not read yet: what is thrown below the tokenizer counts as a flaw of the JSON. */
  let parsed: unknown[] = [];
  let entries = 0;
  let type: unknown;
  /** Bytes since the last entry ended, or since the file began. */
  let sinceEntry = 0;
  /** Where the last token began, in bytes of the file. */
  let token = 0;
  let depth = 0;
  /** The last text, and the name in the Bundle whose value comes next. */
  let text: unknown;
  let name: unknown;
  /** Why reading has to end, at the token where it was met. */
  let flaw: { readonly at: number; readonly problem: string } | undefined;
  const tokenizer = new Tokenizer();
  const parser = new TokenParser({ paths: ["$.entry.*", "$.resourceType"], keepStack: false });
  tokenizer.onToken = (found) => {
    token = found.offset;
    if (flaw) return;
    if (name === "entry" && found.token !== TokenType.LEFT_BRACKET)
      flaw = { at: token, problem: "entry must be a list" };
    name = depth === 1 && found.token === TokenType.COLON ? text : undefined;
    text = found.value;
    if (opening.has(found.token)) depth++;
    else if (closing.has(found.token)) depth--;
    if (depth > maxDepth) {
      flaw = { at: token, problem: `must not hold lists and objects more than ${maxDepth} deep` };
    }
    if (!flaw) parser.write(found);
  };
  parser.onValue = ({ value, key, stack }) => {
    if (stack.length === 1 && key === "resourceType") {
      type = value;
      return;
    }
    sinceEntry = 0;
    parsed.push(value);
  };
  const lines = new LineCounter();
  let bytes = 0;
  let broken: Omit<ImportProblem, "file"> | undefined;
  for await (const chunk of chunks) {
    sinceEntry += chunk.length;
    const failure = failureOf(() => tokenizer.write(chunk));
    for (const value of parsed) events.push(...readEntry(value, path, entries++, options));
    parsed = [];
    if (flaw) broken = { line: lines.at(chunk, flaw.at - bytes), problem: flaw.problem };
    else if (failure) broken = { line: lines.at(chunk, failure.at ?? token - bytes), problem: "is no JSON" };
    else if (sinceEntry > maxEntryBytes + chunk.length) {
      broken = {
        line: lines.at(chunk, 0),
        problem: `must not hold an entry of more than ${maxEntryBytes / 1_048_576} MiB`,
      };
    }
    lines.add(chunk);
    bytes += chunk.length;
    if (broken) break;
    yield { events, bytes };
    events = [];
  }
  if (!broken && !parser.isEnded) {
    failureOf(() => tokenizer.end());
    if (!parser.isEnded) broken = { line: lines.line, problem: "ends before its JSON does" };
  }
  if (!broken && type !== "Bundle") {
    const problem = "must be a Bundle; a file with a resource a line ends in .ndjson, or is told by --format ndjson";
    broken = { path: "resourceType", problem };
  }
  if (broken) {
    const problem = { file: path, ...broken, problem: `${broken.problem}; the file is read no further` };
    events.push({ type: "broken", problem });
  }
  yield { events, bytes };
}

function readEntry(value: unknown, file: string, index: number, options: ObservationOptions): ImportEvent[] {
  const entry = asObject(value);
  // The history of a server says of what is deleted nothing but that it is.
  if (entry && entry["resource"] === undefined) return [{ type: "passed over", what: "entry without a resource" }];
  return readResource(entry?.["resource"], { file, path: `entry[${index}].resource` }, options);
}

/** What kept a tokenizer from going on, and where in its chunk if it says so. Its message quotes the file. */
function failureOf(step: () => void): { readonly at: number | undefined } | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    const at = /chunk position "(\d+)"/.exec(error instanceof Error ? error.message : "")?.[1];
    return { at: at === undefined ? undefined : Number(at) };
  }
}

/** Counts the lines of a file as it comes. */
class LineCounter {
  /** The line that the next chunk begins in, counted from 1. */
  line = 1;

  /** The line of a byte of the next chunk. */
  at(chunk: Buffer, position: number): number {
    return this.line + count(chunk.subarray(0, position));
  }

  /** Takes the next chunk. */
  add(chunk: Buffer): void {
    this.line += count(chunk);
  }
}

function count(data: Buffer): number {
  let lines = 0;
  for (let at = data.indexOf(lineFeed); at !== -1; at = data.indexOf(lineFeed, at + 1)) lines++;
  return lines;
}
