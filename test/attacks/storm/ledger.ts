/** Versions of one row: the highest that was sent, and the highest that the service acknowledged. */
export interface Versions {
  sent: number;
  acknowledged: number;
}

/** An employee as acknowledged. */
export interface LedgerEmployee {
  readonly employeeId: string;
  readonly externalId: string;
}

/** Start of a sample by its number: a minute apart, from 2026-01-05T08:00:00Z on. */
export const sampleEpochSeconds = 1_767_600_000;

/** What the callers of one company wrote, and how its rows can be told from everybody else's. */
export class Ledger {
  readonly index: number;
  readonly tenantId: string;
  /** Stands in every text that this company writes, and in no other's. */
  readonly stamp: string;
  /** By employee id. */
  readonly employees = new Map<string, LedgerEmployee>();
  /** External ids that were sent: acknowledged, or not known what became of them. */
  readonly sentExternalIds = new Set<string>();
  /** By employee id and entry id. */
  readonly entries = new Map<string, Versions>();
  /** By employee id and number of the sample. */
  readonly samples = new Map<string, Versions>();
  /** A token of a second page, for others to try. */
  pageToken = "";
  #serial = 0;

  constructor(index: number, seed: number) {
    this.index = index;
    this.tenantId = `storm-${String(index).padStart(4, "0")}`;
    this.stamp = `s${String(index).padStart(4, "0")}x${seed.toString(16)}`;
  }

  /** A serial number within the company. */
  next(): number {
    return ++this.#serial;
  }

  /** The version that a row is written with next. */
  send(rows: Map<string, Versions>, key: string): number {
    const known = rows.get(key) ?? { sent: 0, acknowledged: 0 };
    known.sent++;
    rows.set(key, known);
    return known.sent;
  }

  /** Takes down that a version was acknowledged. */
  acknowledge(rows: Map<string, Versions>, key: string, version: number): void {
    const known = rows.get(key);
    if (known && version > known.acknowledged) known.acknowledged = version;
  }

  /** The note of an entry's version. Entry ids are the same in every company, so that a mix-up would show. */
  note(entryId: string, version: number): string {
    return `${this.stamp} ${entryId} v${version}`;
  }

  /** The value of a sample's version: whole part by the version, fraction by the company. Exact in binary. */
  value(version: number): number {
    return 40 + (version % 200) + this.index / 1_024;
  }

  /** Whether a value can be one that this company wrote for a version. */
  isValue(value: number, version: number): boolean {
    return value === this.value(version);
  }
}

/** The key of a row of an employee. */
export function rowKey(employeeId: string, name: string | number): string {
  return `${employeeId} ${name}`;
}
