import { fragment } from "./statement.ts";

/** The settings of a pin, as a session's fork carries them; all are set for the transaction only. */
export interface PinSettings {
  /** `"<vault>", pg_temp`. */
  readonly search_path: string;
  /** Milliseconds after which PostgreSQL stops a statement. */
  readonly statement_timeout: string;
  /** The signed token that shows the company's rows; see sql/control/0007_token_wall.sql. */
  readonly "wellvault.token": string;
  /** Id of the company whose vault it is. */
  readonly "wellvault.company": string;
}

/** What ties one transaction to one vault. */
export interface Pin {
  /** The vault's role. */
  readonly role: string;
  readonly settings: PinSettings;
}

/**
 * Pins a transaction: its settings, the check that the token is taken, and the vault's role, in one
 * statement. The role comes last, for under it no setting can be changed any more. A token that is
 * refused fails here, with WV001, and never looks like a vault without rows.
 *
 * What it returns is of no use, so it returns one number, where a column for each setting would be sent back and read.
 */
export const pin: string = fragment`
  select pg_catalog.num_nulls(
    pg_catalog.set_config('search_path', $1, true),
    pg_catalog.set_config('statement_timeout', $2, true),
    pg_catalog.set_config('wellvault.token', $3, true),
    pg_catalog.set_config('wellvault.company', guard.admit($4), true),
    pg_catalog.set_config('role', $5, true)
  )
`.text;

/** The values of {@link pin}. */
export function pinValues({ role, settings }: Pin): string[] {
  return [
    settings.search_path,
    settings.statement_timeout,
    settings["wellvault.token"],
    settings["wellvault.company"],
    role,
  ];
}
