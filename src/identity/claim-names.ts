import { ConfigError } from "../config.ts";

/** The names of the claims that a token is read by. `sub` always names the principal. */
export interface ClaimNames {
  /** What the caller is: a role. Default `role`. */
  readonly role: string;
  /** The tenants it may act for: one id, a list of ids, or `*` for all. Default `tenants`. */
  readonly tenants: string;
  /** The caller's own employee id, for the role `employee`. Default `employee_id`. */
  readonly employeeId: string;
}

/** Claims that have a meaning of their own in every token and cannot be used for another one. */
const registered = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/** The settings that rename a claim, for identity providers that only issue namespaced ones. */
const variables: Readonly<Record<keyof ClaimNames, readonly [variable: string, fallback: string]>> = {
  role: ["WELLVAULT_JWT_ROLE_CLAIM", "role"],
  tenants: ["WELLVAULT_JWT_TENANTS_CLAIM", "tenants"],
  employeeId: ["WELLVAULT_JWT_EMPLOYEE_ID_CLAIM", "employee_id"],
};

/**
 * Reads the names of the claims from `env`.
 *
 * @throws ConfigError when a name is taken by a registered claim or used twice
 */
export function readClaimNames(env: Readonly<Record<string, string | undefined>>): ClaimNames {
  const name = (claim: keyof ClaimNames) => env[variables[claim][0]] || variables[claim][1];
  const names = { role: name("role"), tenants: name("tenants"), employeeId: name("employeeId") };
  const all = Object.values(names);
  if (new Set(all).size < all.length || all.some((one) => registered.includes(one))) {
    throw new ConfigError(
      `${Object.values(variables)
        .map(([variable]) => variable)
        .join(", ")} must be three different names, none of them ${registered.join(", ")}.`,
    );
  }
  return names;
}
