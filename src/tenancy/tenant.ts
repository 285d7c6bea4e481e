/** A tenant as the directory knows it: what a session needs to reach its vault. */
export interface TenantEntry {
  /** The id callers use. */
  readonly tenantId: string;
  /** Id of the company's row, for which its rows are stamped and its tokens signed. */
  readonly companyId: string;
  /** Name of the tenant's schema and of its role. Never leaves the process but to the database. */
  readonly vault: string;
  /** The login of the data plane that may become the vault's role. */
  readonly login: string;
  /** Which database holds the vault. Today there is one placement, `default`. */
  readonly placement: string;
  /** Whether data calls are taken. */
  readonly state: "ACTIVE" | "SUSPENDED";
  /** Number of the newest migration of the vault, as far as it was known when the tenant was looked up. */
  readonly schemaVersion: number;
}
