import { pageRows } from "../plan.ts";

/** The slug of the tenant at a place in the list, from 0. */
export function tenantIdOf(index: number): string {
  return `bench-${String(index + 1).padStart(5, "0")}`;
}

/** An entry that there is to read. */
export interface SeededEntry {
  readonly entryId: string;
  readonly startMs: number;
  readonly note: string;
  readonly valence: number;
  readonly labels: string[];
}

/** The entries of an employee who is read: one more than a page, so that every page says how to go on. */
export function seededEntries(): SeededEntry[] {
  return Array.from({ length: pageRows + 1 }, (_, index) => ({
    entryId: `read-${String(index).padStart(4, "0")}`,
    startMs: Date.UTC(2025, 0, 1) + index * 3_600_000,
    note: "slept well, a little tired",
    valence: 1.5,
    labels: ["calm", "content"],
  }));
}
