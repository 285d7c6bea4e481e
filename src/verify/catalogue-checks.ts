import type { CheckInfo } from "./check.ts";
import { controlChecks } from "./checks/control.ts";
import { privilegeChecks } from "./checks/privileges.ts";
import { roleChecks } from "./checks/roles.ts";
import { serverChecks } from "./checks/server.ts";
import { wallChecks } from "./checks/walls.ts";

/** The checks that are one query of the catalogue each, in the order of the report: `sql/verify/<id>.sql`. */
export const catalogueChecks: readonly CheckInfo[] = [
  ...privilegeChecks,
  ...roleChecks,
  ...wallChecks,
  ...controlChecks,
  ...serverChecks,
];
