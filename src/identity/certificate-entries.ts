import { ConfigError } from "../config.ts";
import { type Grant, isRole, type Role, roles } from "./principal.ts";
import { type GrantClaims, readGrant } from "./read-grant.ts";

/** Whom a client certificate stands for. */
export interface CertificateEntry extends Grant {
  /** The roles of the callers whose tokens it may pass on, as a gateway does. */
  readonly forwards: readonly Role[];
}

/** Entries by name: `spiffe://...` or `dns:...`. */
export type CertificateEntries = ReadonlyMap<string, CertificateEntry>;

const setting = "WELLVAULT_CERTIFICATES_FILE";
const spiffe = /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[\w.-]+)+$/;
const dns = /^dns:(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** The fields of an entry, by what they grant. */
const fields: Readonly<Record<keyof GrantClaims, string>> = {
  subject: "principal",
  role: "role",
  tenants: "tenants",
  employeeId: "employee_id",
};

/**
 * Reads the file that says who each client certificate is:
 *
 *     {"spiffe://example.org/ingest": {"principal": "ingest", "role": "ingest_service", "tenants": "*"},
 *      "dns:gateway.example.org": {"principal": "gateway", "role": "coach", "tenants": ["acme", "globex"],
 *                                  "forwards": ["employee", "coach"]}}
 *
 * @throws ConfigError naming the entry and the field that cannot be used
 */
export function parseCertificateEntries(text: string): CertificateEntries {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    // Told below: what JSON.parse says repeats the file.
  }
  if (!isObject(file))
    throw new ConfigError(`${setting} must be a JSON object: names of certificates and their entries.`);
  return new Map(Object.entries(file).map(([name, entry]) => [readName(name), readEntry(name, entry)]));
}

function readName(name: string): string {
  const dots = name.split("/").some((segment) => segment === "." || segment === "..");
  if ((spiffe.test(name) && !dots && name.length <= 2_048) || dns.test(name)) return name;
  throw new ConfigError(
    `${setting}: the name ${JSON.stringify(name)} must be spiffe://trust-domain/path, or dns: and a host name in ` +
      "lower case without wildcards.",
  );
}

function readEntry(name: string, entry: unknown): CertificateEntry {
  const fail = (field: string, expected: string) =>
    new ConfigError(`${setting}: ${field} of ${JSON.stringify(name)} must be ${expected}.`);
  if (!isObject(entry)) throw fail("the entry", "an object with principal, role and tenants");
  const { principal: subject, role, tenants, employee_id: employeeId, forwards = [], ...unknown } = entry;
  const [extra] = Object.keys(unknown);
  if (extra !== undefined) throw fail(JSON.stringify(extra), `one of ${Object.values(fields).join(", ")}, forwards`);
  const grant = readGrant({ subject, role, tenants, employeeId }, (claim, expected) => fail(fields[claim], expected));
  if (employeeId !== undefined && grant.employeeId === undefined) throw fail("employee_id", "left out for this role");
  if (!Array.isArray(forwards) || !forwards.every(isRole)) throw fail("forwards", `a list of ${roles.join(", ")}`);
  return { ...grant, forwards };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
