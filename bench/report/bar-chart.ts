import { figure } from "./table.ts";

/** A piece of a row's bar. */
export interface Bar {
  readonly value: number;
}

/** What a chart shows. */
export interface BarChart {
  readonly title: string;
  /** A line in small print at the bottom. */
  readonly note: string;
  /** What the pieces of a bar are, in their order; empty when there is one. */
  readonly legend: readonly string[];
  /** Each has an axis of its own, from 0 to its longest bar. */
  readonly panels: readonly {
    readonly title: string;
    readonly rows: readonly { readonly label: string; readonly bars: readonly Bar[]; readonly highlighted: boolean }[];
  }[];
}

const width = 860;
const labelWidth = 240;
const valueWidth = 130;
const rowHeight = 24;
const barHeight = 15;
const panelGap = 18;
const headHeight = 30;

/** The chart has its own background, and colours for either kind of page. */
const style = `
  text { font: 13px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .panel { font-weight: 600; }
  .note { font-size: 11px; fill: #59636e; }
  .page { fill: #ffffff; }
  .ours0 { fill: #0969da; } .ours1 { fill: #80b8f0; }
  .peer0 { fill: #818b98; } .peer1 { fill: #c8d0d9; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .note { fill: #9198a1; } .page { fill: #0d1117; }
    .ours0 { fill: #4493f8; } .ours1 { fill: #1d4d8c; }
    .peer0 { fill: #8b949e; } .peer1 { fill: #454c56; }
  }`;

/** Draws a chart of horizontal bars as SVG. */
export function barChart({ title, note, legend, panels }: BarChart): string {
  const parts: string[] = [text(16, 28, title, "title"), ...drawLegend(legend)];
  let y = 44;
  for (const panel of panels) {
    y += headHeight;
    parts.push(text(16, y - 8, panel.title, "panel"));
    const longest = Math.max(...panel.rows.map(({ bars }) => sum(bars)));
    for (const { label, bars, highlighted } of panel.rows) {
      let x = labelWidth + 16;
      parts.push(text(labelWidth + 8, y + 13, label, highlighted ? "panel" : "", "end"));
      for (const [index, { value }] of bars.entries()) {
        const length = (value / longest) * (width - labelWidth - valueWidth - 16);
        parts.push(
          `<rect class="${highlighted ? "ours" : "peer"}${index}" x="${round(x)}" y="${y + 1}" width="${round(length)}" height="${barHeight}"/>`,
        );
        x += length;
      }
      const values = bars.map(({ value }) => (value > 0 ? figure(value) : "")).filter(Boolean);
      parts.push(text(x + 6, y + 13, values.join(" + "), highlighted ? "panel" : ""));
      y += rowHeight;
    }
    y += panelGap;
  }
  const height = y + 22;
  parts.push(text(16, height - 12, note, "note"));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}">
<style>${style}
</style>
<rect class="page" width="${width}" height="${height}" rx="6"/>
${parts.join("\n")}
</svg>
`;
}

/** Squares with what they stand for, from the right. */
function drawLegend(legend: readonly string[]): string[] {
  let x = width - 16;
  return legend
    .map((name, index) => ({ name, index }))
    .toReversed()
    .flatMap(({ name, index }) => {
      x -= name.length * 7.5 + 34;
      return [
        `<rect class="ours${index}" x="${round(x)}" y="17" width="12" height="12"/>`,
        `<rect class="peer${index}" x="${round(x + 12)}" y="17" width="12" height="12"/>`,
        text(x + 30, 28, name),
      ];
    });
}

function sum(bars: readonly Bar[]): number {
  return bars.reduce((total, { value }) => total + value, 0);
}

function text(x: number, y: number, content: string, kind = "", anchor = "start"): string {
  const attributes = `${kind ? ` class="${kind}"` : ""}${anchor === "start" ? "" : ` text-anchor="${anchor}"`}`;
  return `<text x="${round(x)}" y="${round(y)}"${attributes}>${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
