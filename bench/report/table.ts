import { titles } from "../contestants/contestant.ts";
import { describe } from "../plan.ts";
import type { CellResult, CrossCheck, Target } from "../results.ts";

const columns = ["calls/s", "p50 ms", "p99 ms", "CPU us", "db CPU us", "load us", "MB", "ours is"] as const;
const titleWidth = Math.max(...Object.values(titles).map((title) => title.length));
const columnWidth = 11;

/** The table of a cell. CPU is processor time for a call: of the server's process, of PostgreSQL, of the load. */
export function cellTable({ cell, contestants }: CellResult): string {
  const lines = contestants.map((result) => {
    const { throughput, p50, p99, serverCpuUs, databaseCpuUs, loadCpuUs, memoryMb, ours } = result;
    const cells = [
      ...[throughput, p50, p99, serverCpuUs, databaseCpuUs, loadCpuUs, memoryMb].map(figure),
      result.name === "ours" ? "" : `${figure(ours.throughput)} x`,
    ];
    return row(titles[result.name], cells);
  });
  return `\n${describe(cell)}\n${row("", columns)}\n${lines.join("\n")}\n`;
}

/** The targets, with what was measured. */
export function targetTable(targets: readonly Target[]): string {
  const lines = targets.map(({ what, wanted, measured, met }) => {
    const verdict = Number.isNaN(measured) ? "not measured" : met ? "met" : "missed";
    return `  ${what.padEnd(42)}${wanted.padEnd(18)}${figure(measured).padStart(8)}   ${verdict}`;
  });
  return `\ntargets\n${lines.join("\n")}\n`;
}

/** The load's figures beside h2load's. */
export function crossCheckTable(checks: readonly CrossCheck[]): string {
  const lines = checks.map(
    ({ name, inFlight, throughput, h2loadThroughput }) =>
      `  ${titles[name].padEnd(titleWidth)}  ${String(inFlight).padStart(3)} in flight: ${figure(throughput)} calls/s, ` +
      `with h2load ${figure(h2loadThroughput)} (${figure(throughput / h2loadThroughput)} x)`,
  );
  return `\nreads for one tenant, by this benchmark's load and by h2load\n${lines.join("\n")}\n`;
}

function row(title: string, cells: readonly string[]): string {
  return `  ${title.padEnd(titleWidth)}${cells.map((cell) => cell.padStart(columnWidth)).join("")}`.trimEnd();
}

/** A number with three digits that mean something, or all before the point; `-` when there is none. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(value >= 10 ? 1 : 2);
}
