/** A tenant as the directory knows it: what a session needs to reach its vault. */
export interface TenantEntry {
  /** The id callers use. */
  readonly tenantId: string;
  /** Name of the tenant's schema and of its role. Never leaves the process but to the database. */
  readonly vault: string;
  /** Which database holds the vault. Today there is one placement, `default`. */
  readonly placement: string;
  /** Whether data calls are taken. */
  readonly state: "ACTIVE" | "SUSPENDED";
}
