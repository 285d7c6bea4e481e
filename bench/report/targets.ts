import type { ContestantName } from "../contestants/contestant.ts";
import { isReference, type Operation } from "../plan.ts";
import type { CellResult, ContestantResult, Target } from "../results.ts";

/** Memory of the service under load at most, in MB. */
const maxMemoryMb = 200;

/** Holds results against the targets, which are about the reference cells: 64 calls in flight, 200 tenants. */
export function targetsOf(cells: readonly CellResult[]): Target[] {
  const find = (operation: Operation, name: ContestantName): ContestantResult | undefined =>
    cells
      .find(({ cell }) => cell.operation === operation && isReference(cell))
      ?.contestants.find((contestant) => contestant.name === name);
  const least = (what: string, wanted: number, measured = Number.NaN): Target => ({
    ...{ what, wanted: `at least ${wanted} x`, measured, met: measured >= wanted },
  });
  const most = (what: string, wanted: number, unit: string, measured = Number.NaN): Target => ({
    ...{ what, wanted: `at most ${wanted} ${unit}`, measured, met: measured <= wanted },
  });
  const memory = cells.flatMap(({ contestants }) =>
    contestants.filter(({ name }) => name === "ours").map(({ memoryMb }) => memoryMb),
  );
  return [
    least("writes a second / isolated peer", 2.5, find("write", "isolated")?.ours.throughput),
    least("writes a second / peer without isolation", 1.2, find("write", "unisolated")?.ours.throughput),
    least("writes a second / pgbench", 0.7, find("write", "pgbench")?.ours.throughput),
    least("reads a second / isolated peer", 2.5, find("read", "isolated")?.ours.throughput),
    most("CPU of a write / isolated peer", 0.35, "x", find("write", "isolated")?.ours.serverCpu),
    most("memory of the service", maxMemoryMb, "MB", memory.length > 0 ? Math.max(...memory) : Number.NaN),
  ];
}
