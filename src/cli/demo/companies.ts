import { createHash } from "node:crypto";

/** A company of the demo. */
export interface DemoCompany {
  readonly tenantId: string;
  readonly displayName: string;
}

/** The companies that the export's people are split over. */
export const companies: readonly [DemoCompany, DemoCompany, DemoCompany] = [
  { tenantId: "alder", displayName: "Alder Logistics" },
  { tenantId: "birch", displayName: "Birch Software" },
  { tenantId: "cedar", displayName: "Cedar Foods" },
];

/**
 * The company a person works for: always the same one, whatever else the files hold. The id itself
 * would not do, for its digits are spread unevenly.
 */
export function companyOf(externalId: string): DemoCompany {
  const hash = createHash("sha256").update(externalId).digest().readUInt32BE();
  return companies[hash % companies.length] ?? companies[0];
}
