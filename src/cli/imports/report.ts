import { type ImportProblem, placeText } from "../../importers/import-event.ts";
import type { ImportCounts, ImportState } from "../../importers/import-state.ts";

/** Problems and people in the summary at most; standard error has all problems. */
const maxListed = 1_000;

/** A person nothing can be kept of. */
interface RefusedPerson {
  readonly externalId: string;
  readonly problem: string;
  samples: number;
}

/** Collects what an import has to say besides its counts, and says it. */
export class ImportReport {
  readonly problems: ImportProblem[] = [];
  readonly people = new Map<string, RefusedPerson>();
  readonly #say: (text: string) => void;

  /** @param say writes a line where people see it */
  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** Tells of something that is refused. */
  problem(problem: ImportProblem): void {
    if (this.problems.length < maxListed) this.problems.push(problem);
    const { field } = problem;
    this.#say(`${placeText(problem)}: ${field ? `${field} ` : ""}${problem.problem}`);
  }

  /** Tells once of a person whose samples are refused, and counts them. */
  refusedPerson(externalId: string, problem: string, samples: number): void {
    const known = this.people.get(externalId);
    if (known) {
      known.samples += samples;
      return;
    }
    if (this.people.size === maxListed) {
      this.#once(`More than ${maxListed} people are refused; the others are counted and not named.`);
      return;
    }
    this.people.set(externalId, { externalId, problem, samples });
    // An id is a text of the file: it is written so that it cannot act on a terminal.
    this.#say(`${JSON.stringify(externalId)} ${problem}: what is of this person is refused`);
  }

  readonly #said = new Set<string>();

  #once(text: string): void {
    if (this.#said.has(text)) return;
    this.#said.add(text);
    this.#say(text);
  }
}

/** Writes the counts as a sentence without its full stop. */
export function countsText(counts: ImportCounts, dryRun: boolean): string {
  const { inserted, replaced, unchanged, stale, accepted, refused } = counts;
  const samples = dryRun
    ? `${accepted} would be sent`
    : `${inserted} inserted, ${replaced} replaced, ${unchanged} unchanged, ${stale} stale`;
  return `${samples}, ${refused} refused`;
}

/** Writes what was passed over, a line each, the most frequent first. */
function passedOverText({ passedOver }: ImportCounts): string {
  const entries = Object.entries(passedOver).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  if (entries.length === 0) return "";
  const lines = entries.map(([what, count]) => `  ${count} ${what}\n`);
  return `Passed over, for it is no metric of this service, or no value that stands:\n${lines.join("")}`;
}

/** Writes the summary of an import that is through. */
export function summaryText({ counts, complete }: ImportState, { people }: ImportReport, dryRun: boolean): string {
  const end = complete ? "" : "; the input was not read to its end";
  const refused = [...people.values()].map(
    ({ externalId, problem, samples }) => `  ${JSON.stringify(externalId)} ${problem}: ${samples} refused\n`,
  );
  const text = `${dryRun ? "Nothing was sent: " : ""}${countsText(counts, dryRun)}${end}.\n`;
  return [text, ...refused, passedOverText(counts)].join("");
}
