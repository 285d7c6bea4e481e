/**
 * The numbers under which calls write. They are in what is stored, so that the rows of one turn can be counted
 * afterwards by a range of a primary key, however much was stored before.
 */

/** The second that the samples of batch 0 are of: in 1979. Each batch has a second to itself, as far as to 2026. */
export const firstSampleSecond = 300_000_000;

/** The id of the entry that a write stores: ids of one turn stand beside each other in the index. */
export function entryIdOf(id: number): string {
  return `w-${String(id).padStart(12, "0")}`;
}
