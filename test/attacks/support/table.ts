import type { Line, Report } from "./report.ts";

/** Characters of a cell at most; what is longer is cut, and whole in the JSON. */
const cellWidth = 72;
/** Characters at most of what was expected and met. */
const outcomeWidth = 30;

/** Draws the report as text: a table of the attacks, one of the controls, what failed and why, a summary. */
export function drawReport(report: Report, seconds: number, server: string): string {
  const attacks = report.attacks.map((line) => [
    line.id,
    line.title,
    cut(line.expected, outcomeWidth),
    cut(line.met, outcomeWidth),
    yesNo(line.unchanged),
    yesNo(line.unseen),
    line.verdict,
  ]);
  const controls = report.controls.map((line) => [
    line.id,
    line.title,
    cut(line.expected, outcomeWidth),
    cut(line.met, outcomeWidth),
    line.verdict,
  ]);
  const failures = [...report.attacks, ...report.controls].filter(({ error }) => error !== undefined);
  return [
    drawTable(["id", "attack", "expected", "met", "B unchanged", "B unseen", "verdict"], attacks),
    "",
    "Controls: the same attack with a wall taken away, so that it works, or with one of two, so that it does not.",
    "",
    drawTable(["id", "control", "expected", "met", "verdict"], controls),
    "",
    ...failures.map(drawFailure),
    summarise(report, seconds, server),
  ].join("\n");
}

/** Sums a report up in a line. */
export function summarise(
  { attacks, controls, held, failed, notRun }: Report,
  seconds: number,
  server: string,
): string {
  const works = controls.filter(({ verdict }) => verdict === "works without").length;
  const stopped = controls.filter(({ verdict }) => verdict === "held").length;
  return (
    `${held} of ${attacks.length} attacks held; ${works} controls work without a wall, ${stopped} are stopped by ` +
    `another one; ${failed} failed, ${notRun} not run. ${server}, ${seconds.toFixed(1)} s.`
  );
}

function drawFailure({ id, title, error, file }: Line): string {
  return `${id} ${title} (test/attacks/${file})\n  ${(error ?? "").replaceAll("\n", "\n  ")}\n`;
}

function yesNo(value: boolean | undefined): string {
  return value === undefined ? "" : value ? "yes" : "NO";
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 3)}...` : text;
}

function drawTable(head: readonly string[], all: readonly (readonly string[])[]): string {
  const rows = all.map((row) => row.map((text) => cut(text, cellWidth)));
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const draw = (row: readonly string[]) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [draw(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(draw)].join("\n");
}
