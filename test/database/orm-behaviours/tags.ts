import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { type Library, needle, openLibrary } from "./library.ts";

/** The library of a test file about transactions, and what its tags table holds. */
export interface TagsLibrary {
  readonly library: () => Library;
  /** The ids of the tags that are committed. */
  readonly stored: () => Promise<number[]>;
}

/** Values of a tag. */
export const row = (tagId: number) => ({ tagId, label: `${needle}${tagId}` });

/** Opens a library for the tests of a file, and expects after each that it left no value in a text and no transaction open. */
export function useTags(): TagsLibrary {
  let library: Library;
  beforeAll(async () => {
    library = await openLibrary();
  });
  beforeEach(() => library.empty());
  afterEach(async () => {
    library.expectNoValueSent();
    const open =
      "select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'";
    await expect.poll(() => library.admin(open)).toEqual([]);
  });
  afterAll(() => library.close());
  return {
    library: () => library,
    stored: async () =>
      (await library.admin<{ tag_id: number }>("select tag_id from tags order by 1")).map((tag) => tag.tag_id),
  };
}
