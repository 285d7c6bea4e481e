/** What a call does: stores one entry, reads a page of 20 entries, or stores 1,000 samples. */
export type Operation = "write" | "read" | "batch";

/** How calls fall on tenants: on all alike, or as Zipf's law has it, most of them on a few. */
export type Spread = "uniform" | "zipf";

/** One situation in which every contestant is measured. */
export interface Cell {
  readonly operation: Operation;
  /** Calls that wait for their answer at any time. */
  readonly inFlight: number;
  /** Tenants that the calls are for. */
  readonly tenants: number;
  readonly spread: Spread;
}

/** Entries of a page, and samples of a batch. */
export const pageRows = 20;
export const batchRows = 1_000;

/** Exponent of Zipf's law: with 200 tenants the first one gets about a fifth of the calls. pgbench wants more than 1. */
export const zipfExponent = 1.07;

/** The situation that the targets are about. */
export const referenceInFlight = 64;
const referenceTenants = 200;

const cell = (
  operation: Operation,
  inFlight: number,
  tenants = referenceTenants,
  spread: Spread = "uniform",
): Cell => ({
  operation,
  inFlight,
  tenants,
  spread,
});

/** The cells of a run without options, which takes about a quarter of an hour. */
export const defaultPlan: readonly Cell[] = [
  cell("write", 1),
  cell("write", 16),
  cell("write", 64),
  cell("write", 256),
  cell("read", 16),
  cell("read", 64),
  cell("batch", 1),
  cell("batch", 16),
  cell("write", 64, 1),
  cell("write", 64, 1_000),
  cell("write", 64, 200, "zipf"),
];

/** Calls in flight of the full plan. */
const fullInFlight = [1, 16, 64, 256];

/** Every cell: each operation with each number of calls in flight, over each number and spread of tenants. */
export const fullPlan: readonly Cell[] = (["write", "read", "batch"] as const).flatMap((operation) =>
  fullInFlight.flatMap((inFlight) => [
    cell(operation, inFlight, 1),
    ...[200, 1_000].flatMap((tenants) => [
      cell(operation, inFlight, tenants),
      cell(operation, inFlight, tenants, "zipf"),
    ]),
  ]),
);

/** One small cell of each operation, to see that everything works. */
export const smokePlan: readonly Cell[] = [cell("write", 4, 3), cell("read", 4, 3), cell("batch", 2, 3)];

/** The cell's name, as `--only` takes it, such as `write-64-200-uniform`. */
export function nameOf({ operation, inFlight, tenants, spread }: Cell): string {
  return `${operation}-${inFlight}-${tenants}-${spread}`;
}

/** The cell in words. */
export function describe({ operation, inFlight, tenants, spread }: Cell): string {
  const what = { write: "write", read: `read of ${pageRows} rows`, batch: `batch of ${batchRows} rows` }[operation];
  const over = tenants === 1 ? "1 tenant" : `${tenants} tenants, ${spread === "zipf" ? "Zipf" : "uniform"}`;
  return `${what}, ${inFlight} in flight, ${over}`;
}

/** Whether the cell is the one that targets and charts show for its operation. */
export function isReference({ operation, inFlight, tenants, spread }: Cell): boolean {
  return (
    inFlight === (operation === "batch" ? 16 : referenceInFlight) &&
    tenants === referenceTenants &&
    spread === "uniform"
  );
}
