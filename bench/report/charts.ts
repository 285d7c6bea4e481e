import { type ContestantName, titles } from "../contestants/contestant.ts";
import { batchRows, isReference, type Operation, pageRows } from "../plan.ts";
import type { ContestantResult, Results } from "../results.ts";
import { type Bar, barChart } from "./bar-chart.ts";

const panelTitles: Readonly<Record<Operation, string>> = {
  write: "Write of one entry, 64 in flight",
  read: `Read of ${pageRows} rows, 64 in flight`,
  batch: `Batch of ${batchRows.toLocaleString("en")} rows, 16 in flight`,
};

/** Draws the charts of the README, by file name: calls a second, and processor time of a call. */
export function drawCharts({ cells, machine, date }: Results): Record<string, string> {
  const panels = (bars: (result: ContestantResult) => readonly Bar[]) =>
    (["write", "read", "batch"] as const).flatMap((operation) => {
      const found = cells.find(({ cell }) => cell.operation === operation && isReference(cell));
      if (!found) return [];
      const rows = found.contestants.map((result) => ({
        label: titles[result.name],
        bars: bars(result),
        highlighted: result.name === ("ours" satisfies ContestantName),
      }));
      return [{ title: panelTitles[operation], rows: rows.filter((row) => row.bars.some(({ value }) => value > 0)) }];
    });
  const note = `200 tenants, uniform; ${machine.cores} cores (${machine.processor}) shared by server, PostgreSQL ${machine.versions["postgresql"]} and load; ${date}`;
  return {
    throughput: barChart({
      title: "Calls a second",
      note,
      legend: [],
      panels: panels(({ throughput }) => [{ value: throughput }]),
    }),
    cpu: barChart({
      title: "Processor time of a call, in microseconds",
      note,
      legend: ["server", "PostgreSQL"],
      panels: panels(({ serverCpuUs, databaseCpuUs }) => [
        { value: Number.isNaN(serverCpuUs) ? 0 : serverCpuUs },
        { value: Number.isNaN(databaseCpuUs) ? 0 : databaseCpuUs },
      ]),
    }),
  };
}
