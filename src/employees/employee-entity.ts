import { defineEntity, type InferEntity } from "@mikro-orm/postgresql";
import type { EmployeeState } from "../gen/wellvault/v1/employee_pb.ts";

/**
 * A row of a vault's `employees`. Its schema is `*`: the session's fork says which vault. The tables
 * are made by `sql/tenant`, never from this.
 */
export const EmployeeEntity = defineEntity({
  name: "Employee",
  tableName: "employees",
  schema: "*",
  properties: (p) => ({
    /** Key inside the vault; never leaves it. */
    employeeNo: p.integer().primary(),
    /** The id that callers see. */
    employeeId: p.uuid(),
    externalId: p.text(),
    displayName: p.text().default(""),
    team: p.text().default(""),
    location: p.text().default(""),
    timeZone: p.text().default(""),
    /** The number of EmployeeState. */
    state: p.smallint().$type<EmployeeState>().default(1),
    requestId: p.uuid().nullable(),
    /** What the request of that id asked for, as a digest. */
    requestDigest: p.text().nullable(),
    /** Counts the changes; MikroORM refuses to write over a revision it did not read. */
    revision: p.integer().version(),
    createTime: p.datetime(6),
    updateTime: p.datetime(6),
    deleteTime: p.datetime(6).nullable(),
  }),
});

/** A row of a vault's `employees`. */
export type EmployeeRow = InferEntity<typeof EmployeeEntity>;
