import type { Contestant, ContestantName, Turn } from "./contestants/contestant.ts";
import { measureTurn, type TurnFigures } from "./measure/measure-turn.ts";
import { type Cell, isReference, nameOf } from "./plan.ts";
import { type CellResult, summarize } from "./results.ts";

/** How to run cells. */
export interface RunOptions {
  readonly cells: readonly Cell[];
  readonly seconds: number;
  readonly rounds: number;
  readonly maxCalls: number;
  /** Process id of the postmaster. */
  readonly postmasterPid: number;
  /** Ends the run before the next turn when it fires; its reason is thrown. */
  readonly signal: AbortSignal;
  /** Told after each turn. */
  readonly onTurn: () => void;
  /** Told after each cell. */
  readonly onCell: (result: CellResult) => void;
}

/**
 * For how many turns' time a contestant warms up for an operation that it has not served before: as long as Node takes to
 * compile what the calls run. Until then they cost clearly more.
 */
const turnsForNew = 20;

/**
 * And for a cell with many tenants: the first statement of each connection for each of them takes PostgreSQL several
 * times as long as those after it.
 */
const turnsForMany = 6;

/** Turns that {@link runCells} takes in all, for whoever shows how far it is. */
export function turnCount(contestants: readonly Contestant[], { cells, rounds }: RunOptions): number {
  return cells
    .flatMap((cell) => contestantsOf(contestants, cell))
    .reduce((sum, { warmsUpItself }) => sum + rounds + (warmsUpItself ? 0 : 1), 0);
}

/**
 * Who is measured in a cell. The second way to isolate by hand takes part only where it says most, in the reference
 * cells and with few tenants, which keeps a run short.
 */
function contestantsOf(contestants: readonly Contestant[], cell: Cell): readonly Contestant[] {
  return contestants.filter(({ name }) => name !== "pipelined" || isReference(cell) || cell.tenants <= 3);
}

/**
 * Measures every contestant in every cell. They take turns: in each round everybody has one, and the order goes on
 * by one place from round to round, so that nobody always meets the warmer or the fuller database. A turn before the
 * first round warms up plans, caches and compiled code, and counts only where it fails.
 *
 * @returns what makes the run worthless, in words; empty when nothing does
 */
export async function runCells(contestants: readonly Contestant[], options: RunOptions): Promise<string[]> {
  const problems: string[] = [];
  const { seconds, rounds, maxCalls, signal } = options;
  for (const [index, cell] of options.cells.entries()) {
    const those = contestantsOf(contestants, cell);
    const turns = new Map<ContestantName, TurnFigures[]>(those.map(({ name }) => [name, []]));
    const take = async (contestant: Contestant, length: number) => {
      signal.throwIfAborted();
      const turn: Turn = { ...cell, seconds: length, maxCalls };
      const figures = await measureTurn(contestant, turn, options.postmasterPid);
      problems.push(...figures.problems.map((problem) => `${contestant.name} in ${nameOf(cell)}: ${problem}`));
      options.onTurn();
      return figures;
    };
    const isNew = options.cells.findIndex(({ operation }) => operation === cell.operation) === index;
    const warmUp = seconds * (isNew ? turnsForNew : cell.tenants > 200 ? turnsForMany : 0.5);
    for (const contestant of those) {
      if (!contestant.warmsUpItself) await take(contestant, warmUp);
    }
    for (let round = 0; round < rounds; round++) {
      const first = round % those.length;
      for (const contestant of [...those.slice(first), ...those.slice(0, first)]) {
        turns.get(contestant.name)?.push(await take(contestant, seconds));
      }
    }
    options.onCell(summarize(cell, turns));
  }
  return problems;
}
