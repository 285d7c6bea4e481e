import { fragment } from "./statement.ts";

/** The settings of a pin, as a session's fork carries them; all are set for the transaction only. */
export interface PinSettings {
  /** `"<vault>", pg_temp`. */
  readonly search_path: string;
  /** Milliseconds after which PostgreSQL stops a statement. */
  readonly statement_timeout: string;
  /** The signed token that shows the company's rows, `<key id>.<expiry>.<mac>`; see sql/control/0007_token_wall.sql. */
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

/** The settings of a pin but for the role, and the check that the token is taken. */
const settings = fragment`
    pg_catalog.set_config('search_path', $1, true),
    pg_catalog.set_config('statement_timeout', $2, true),
    pg_catalog.set_config('wellvault.token', $3, true),
    pg_catalog.set_config('wellvault.company', guard.admit($4, $5, $6, $7), true),`;

/**
 * Pins a transaction: its settings, the check that the token is taken, and the vault's role, in one
 * statement. The role comes last, for under it no setting can be changed any more. A token that is
 * refused fails here, with WV001, and never looks like a vault without rows.
 *
 * What it returns is of no use, so it returns one number, where a column for each setting would be sent back and read.
 */
export const pin: string = fragment`
  select pg_catalog.num_nulls(${settings}
    pg_catalog.set_config('role', $8, true)
  )
`.text;

/**
 * The same for a transaction of kept statements alone. Left to itself, PostgreSQL would plan each of them five times
 * before it keeps a plan, for every vault on every connection. And it would read a small table from end to end, which the
 * plan of a small vault would go on doing as the vault grows, until the table is analysed the next time.
 */
export const pinForKept: string = fragment`
  select pg_catalog.num_nulls(${settings}
    pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true),
    pg_catalog.set_config('enable_seqscan', 'off', true),
    pg_catalog.set_config('role', $8, true)
  )
`.text;

/** A token in its parts. Of a text of another form the database gets parts that it refuses. */
const tokenForm = /^([0-9a-f]{16})\.(\d{10})\.([0-9a-f]{64})$/;

/** The values of {@link pin} and of {@link pinForKept}. */
export function pinValues({ role, settings }: Pin): string[] {
  const token = settings["wellvault.token"];
  const [, keyId = "", expiry = "0", mac = ""] = tokenForm.exec(token) ?? [];
  return [
    settings.search_path,
    settings.statement_timeout,
    // As a setting it is for transactions that may not write; see guard.admit.
    token,
    settings["wellvault.company"],
    // In parts, because the database would take longer to part it than to check it.
    keyId,
    expiry,
    `\\x${mac}`,
    role,
  ];
}
