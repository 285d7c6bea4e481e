import { canaryServiceCheck } from "./canary-service.ts";
import { canarySqlChecks } from "./canary-sql.ts";
import { catalogueChecks } from "./catalogue-checks.ts";
import type { CheckInfo } from "./check.ts";
import { loginPasswordsCheck } from "./login-passwords.ts";

/** Every check of a verification, in the order of the report. */
export const allChecks: readonly CheckInfo[] = [
  ...catalogueChecks,
  loginPasswordsCheck,
  ...canarySqlChecks,
  canaryServiceCheck,
];
