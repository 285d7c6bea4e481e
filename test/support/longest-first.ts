import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take the longest, the longest first. */
const longest = [
  "cli/start",
  "demo",
  "attacks/storm/storm",
  "verify/catalogue-checks",
  "attacks/wire-answers",
  "rpc/lean-differential",
  "cli/import-fitabase",
  "importers/memory",
  "rpc/process",
  "verify/command",
  "cli/token",
  "faults/logins",
  "attacks/wire-content",
  "interop/every-client",
  "readme",
].map((name) => `/test/${name}.test.ts`);

/**
 * Begins with the files that take the longest, so that none of them is left to one worker at the end. Vitest
 * knows how long files take from the run before, which a fresh clone has not had, and goes by their size there.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((name) => moduleId.endsWith(name));
      return place === -1 ? longest.length : place;
    };
    return sorted.sort((one, other) => rank(one) - rank(other));
  }
}
