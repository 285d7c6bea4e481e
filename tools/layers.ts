/**
 * The rules of the source tree: which folder may import which, and who may touch the database. They are
 * data here and enforced by check-imports.ts; docs/architecture.md says what each layer is for.
 */

/**
 * The layers from top to bottom: a file may import from its own layer and from those below. A name is a
 * path below `src`, without `.ts` for a single file.
 */
export const layers: readonly (readonly string[])[] = [
  ["main", "cli"],
  ["service", "verification"],
  ["rpc"],
  ["identity"],
  ["tenants", "logs", "metrics", "importers", "privacy", "verify"],
  ["employees"],
  ["tenancy"],
  ["database"],
  ["telemetry", "validation", "paging", "time-rules"],
  ["civil-days", "civil-time", "config", "errors"],
  ["gen"],
];

/** A module that only some may import, with the reason. */
export interface Restriction {
  /** What is restricted: a path below `src`, or a package and everything below it. */
  readonly target: string;
  /** The files or folders below `src` that may import its values. Types are free for all. */
  readonly allowed: readonly string[];
  readonly reason: string;
}

/** The walls that a pinned session rests on. */
export const restrictions: readonly Restriction[] = [
  {
    target: "database/orm",
    allowed: ["tenancy/sessions"],
    reason: "only tenancy/sessions.ts makes sessions, and every session is pinned to one vault",
  },
  {
    target: "tenancy/pinned-session",
    allowed: ["tenancy/sessions"],
    reason: "a session is opened for a tenant of the directory, by tenancy/sessions.ts",
  },
  {
    target: "@mikro-orm/postgresql",
    allowed: [
      "database/lone-operations",
      "database/orm",
      "database/pinned-driver",
      "employees/employee-entity",
      "employees/employee-handlers",
    ],
    reason: "the ORM is opened in one place; entities and handlers use its declarations and error classes",
  },
  {
    target: "@mikro-orm/core",
    allowed: [],
    reason: "one way to name the ORM: @mikro-orm/postgresql",
  },
  {
    target: "pg",
    allowed: [
      // Goes around the sessions on purpose, to show that PostgreSQL refuses it.
      "cli/demo/sql-attempts",
      "database/embedded-server",
      "database/extended-client",
      "database/harden",
      "database/logins",
      "database/migrations",
      "database/statement-batch",
      "database/token-keys",
      "tenancy/control-store",
      "tenancy/fleet",
    ],
    reason: "no connection but the control plane's is opened outside database/",
  },
  {
    target: "database/extended-client",
    allowed: ["database", "tenancy/control-store", "verify/auditor-connection", "verify/canary-sql"],
    reason: "a client of pg is a connection: who verifies the walls reads as the auditor and attacks as a vault",
  },
  {
    target: "kysely",
    allowed: ["tenancy/pinned-session", "database/pinned-driver", "database/pooled-driver"],
    reason: "statements reach the database through a session",
  },
  ...(
    [
      ["protocol", ["rpc/check-body"]],
      ["protocol-connect", ["rpc/answer", "rpc/protocol-errors"]],
      ["protocol-grpc", ["rpc/protocol-errors"]],
      ["protocol-grpc-web", ["rpc/protocol-errors"]],
    ] as const
  ).map(([name, allowed]) => ({
    target: `@connectrpc/connect/${name}`,
    allowed,
    reason: "these exports of Connect are outside of its semantic versioning, and the lean path does without them",
  })),
  {
    target: "jose",
    allowed: ["identity"],
    reason: "tokens and keys are the business of identity/ alone",
  },
  {
    target: "commander",
    allowed: ["cli"],
    reason: "only commands have a command line",
  },
  {
    target: "tenancy/control-store",
    allowed: ["service", "verification"],
    reason: "the control plane is opened by the composition roots",
  },
];

/** What a handler may use of the ORM: nothing that opens a connection. */
export const ormDeclarations: readonly string[] = [
  "defineEntity",
  "LockMode",
  "OptimisticLockError",
  "UniqueConstraintViolationException",
];
