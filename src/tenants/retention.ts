import { errors, type FieldViolation } from "../errors.ts";
import type { UpdateTenantRequest } from "../gen/wellvault/v1/tenant_service_pb.ts";

/** A hundred years; the database has the same bound. */
const maxMonths = 1_200;

/** The settings that a request changes; null for one that stays. */
export interface RetentionToSet {
  readonly sampleMonths: number | null;
  readonly logEntryMonths: number | null;
}

/**
 * Reads the settings that a request changes. Only what the mask names has to keep the rules.
 *
 * @throws WellvaultError FIELD_INVALID when one is missing or out of bounds
 */
export function retentionToSet({ tenant, updateMask }: UpdateTenantRequest): RetentionToSet {
  const retention = tenant?.retention;
  const paths = updateMask?.paths ?? [];
  const violations: FieldViolation[] = [];
  if (!retention) violations.push({ field: "tenant.retention", description: "value is required", rule: "required" });
  const read = (name: string, months = 0): number | null => {
    const isNamed = paths.length === 0 || paths.includes("retention") || paths.includes(`retention.${name}`);
    if (!retention || !isNamed) return null;
    if (months >= 1 && months <= maxMonths) return months;
    const description = `must be from 1 to ${maxMonths} months`;
    violations.push({ field: `tenant.retention.${name}`, description, rule: "int32.gte_lte" });
    return null;
  };
  const set = {
    sampleMonths: read("sample_months", retention?.sampleMonths),
    logEntryMonths: read("log_entry_months", retention?.logEntryMonths),
  };
  if (violations.length > 0) throw errors.fieldsInvalid(violations);
  return set;
}
