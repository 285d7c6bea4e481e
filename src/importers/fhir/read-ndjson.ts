import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import type { ImportEvent, ReadStep } from "../import-event.ts";
import type { ObservationOptions } from "./read-observation.ts";
import { readResource } from "./read-resource.ts";

/** Longer lines are no observations; memory must not follow them. */
const maxLineBytes = 4 * 1_048_576;
const lineFeed = 0x0a;

/**
 * Streams the observations of a file with one resource a line, as a bulk export has them. A line that is none is
 * refused, and the next one read.
 *
 * @param chunks the file's bytes; default they are read from `path`
 * @throws the file system's error when the file cannot be opened or read
 */
export async function* readNdjson(
  path: string,
  options: ObservationOptions,
  chunks: AsyncIterable<Buffer> = createReadStream(path),
): AsyncGenerator<ReadStep, void, undefined> {
  let line = 0;
  let bytes = 0;
  /** What has come of the line that is not whole yet; undefined for a line that is too long. */
  let parts: Buffer[] | undefined = [];
  let length = 0;
  const take = (part: Buffer) => {
    length += part.length;
    if (length > maxLineBytes) parts = undefined;
    parts?.push(part);
  };
  const end = (): ImportEvent[] => {
    line++;
    const bytes = parts && Buffer.concat(parts);
    parts = [];
    length = 0;
    return readLine(bytes, { file: path, line }, options);
  };
  for await (const chunk of chunks) {
    const events: ImportEvent[] = [];
    let from = 0;
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      events.push(...end());
    }
    take(chunk.subarray(from));
    bytes += chunk.length;
    yield { events, bytes };
  }
  if (length > 0) yield { events: end(), bytes };
}

function readLine(
  bytes: Buffer | undefined,
  place: { readonly file: string; readonly line: number },
  options: ObservationOptions,
): ImportEvent[] {
  const refused = (problem: string): ImportEvent[] => [{ type: "refused", problem: { ...place, problem } }];
  if (bytes === undefined) return refused(`must be at most ${maxLineBytes / 1_048_576} MiB long`);
  // Letters that cannot be read would all become the same one, and two people's ids with them.
  if (!isUtf8(bytes)) return refused("is not in UTF-8");
  const text = bytes.toString("utf8");
  // A byte order mark may stand before the first line.
  const json = place.line === 1 ? text.replace(/^\uFEFF/, "") : text;
  if (json.trim() === "") return [];
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return refused("is no JSON");
  }
  return readResource(value, place, options);
}
