import type { DemoSummary } from "./summary.ts";

/** Rows that are named at most. */
const maxBadRows = 20;

/** The summary as people read it; its last line says whether all held. */
export function printSummary(summary: DemoSummary): string {
  const { badRows, problems } = summary;
  const parts = [
    ...badRows.slice(0, maxBadRows).map(({ file, line, problem }) => `${file}, line ${line}: ${problem}`),
    ...(badRows.length > maxBadRows ? [`and ${badRows.length - maxBadRows} more rows`] : []),
    ...(summary.companies.length > 0 ? [attemptTable(summary), kindTable(summary), companyTable(summary)] : []),
    ...problems.map((problem) => `DID NOT HOLD: ${problem}`),
    summary.ok ? "All held." : `NOT all held: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}.`,
  ];
  return `${parts.join("\n")}\n`;
}

function attemptTable({ attempts }: DemoSummary): string {
  return table(
    ["tried", "answer", ""],
    attempts.map(({ what, answered, held }) => [what, answered, held ? "ok" : "WRONG"]),
  );
}

function kindTable({ companies }: DemoSummary): string {
  const kinds = [...new Set(companies.flatMap(({ samplesByKind }) => Object.keys(samplesByKind)))].sort();
  return table(
    ["samples read back", ...companies.map(({ tenantId }) => tenantId)],
    kinds.map((kind) => [kind, ...companies.map(({ samplesByKind }) => count(samplesByKind[kind] ?? 0))]),
  );
}

function companyTable({ companies, firstImport, secondImport }: DemoSummary): string {
  const rows = companies.map((company) => [
    company.tenantId,
    count(company.employees),
    count(company.samples),
    count(company.firstImport.inserted),
    count(company.secondImport.inserted + company.secondImport.replaced),
    count(company.secondImport.unchanged),
  ]);
  const total = (pick: (company: (typeof companies)[number]) => number) =>
    count(companies.reduce((sum, company) => sum + pick(company), 0));
  rows.push([
    "together",
    total(({ employees }) => employees),
    total(({ samples }) => samples),
    total((company) => company.firstImport.inserted),
    total(({ secondImport: { inserted, replaced } }) => inserted + replaced),
    total((company) => company.secondImport.unchanged),
  ]);
  const speeds = [firstImport, secondImport].map(
    ({ samples, seconds, samplesPerSecond }, index) =>
      `${index === 0 ? "First" : "Second"} import: ${count(samples)} samples in ${seconds.toFixed(1)} s, ` +
      `${count(samplesPerSecond)} per second.`,
  );
  const header = ["company", "employees", "samples", "1st: inserted", "2nd: stored", "2nd: unchanged"];
  return `${table(header, rows)}\n\n${speeds.join("\n")}\n`;
}

/** Columns as wide as what stands in them; numbers to the right. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumeric = header.map((_, column) => rows.every((row) => /^[\d,]+$/.test(row[column] ?? "")));
  const lines = all.map((row) =>
    row
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  return `\n${lines.join("\n")}`;
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}
