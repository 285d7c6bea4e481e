import { toJsonString } from "@bufbuild/protobuf";
import { LogEntrySchema } from "../gen/wellvault/v1/log_entry_pb.ts";
import type { LogRow } from "./statements/log-columns.ts";

/** A page stops before it grows past this, to stay well below the message limit. */
const maxPageBytes = 2 * 1_024 * 1_024;

/** The most that one UTF-16 unit takes in JSON, as an escape; and in UTF-8, in JSON that is escaped already. */
const escapedBytes = 6;
const utf8Bytes = 3;
/** More than all of an entry but its note and detail takes in JSON. */
const otherBytes = 1_024;

/**
 * Returns how many of a page's entries, one at least, may go into one message. They are counted in JSON, where a
 * character may take more than in Protobuf, and only if a bound that is quick to find does not show already that
 * all of them fit: writing them takes as long as everything else that is done with them.
 */
export function countFitting(page: readonly LogRow[]): number {
  let bound = 0;
  for (const { entry, detailLength } of page) {
    bound += otherBytes + entry.note.length * escapedBytes + detailLength * utf8Bytes;
  }
  if (bound <= maxPageBytes) return page.length;
  let bytes = 0;
  const end = page.findIndex(({ entry }, index) => {
    bytes += Buffer.byteLength(toJsonString(LogEntrySchema, entry));
    return index > 0 && bytes > maxPageBytes;
  });
  return end === -1 ? page.length : end;
}
