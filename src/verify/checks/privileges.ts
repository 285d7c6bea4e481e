import type { CheckInfo } from "../check.ts";

/** Who may do what with which object. */
export const privilegeChecks: readonly CheckInfo[] = [
  {
    id: "isolation",
    title: "The role of a vault is mentioned on nothing but its own schema and tables",
    remedy:
      "The role of one vault has rights on something outside of it, or owns something. This is the wall itself: take it back with REVOKE or REASSIGN OWNED, and look through the log for who used it.",
    severity: "finding",
  },
  {
    id: "vault-grants-foreign",
    title: "Nobody but its own role has rights in a vault",
    remedy: "Another role, or everybody, was given rights in a company's vault. Take them back with REVOKE.",
    severity: "finding",
  },
  {
    id: "vault-grants",
    title: "The role of a vault has in each of its tables the rights that the migrations gave",
    remedy:
      "With more rights a call could do what the service never does, such as delete rows; with fewer, calls fail. Grant or revoke what is told.",
    severity: "finding",
  },
  {
    id: "vault-owners",
    title: "Everything in a vault belongs to wellvault_owner",
    remedy:
      "The owner of a table is not bound by its policy and can switch it off. Give it back with ALTER ... OWNER TO wellvault_owner.",
    severity: "finding",
  },
  {
    id: "default-privileges",
    title: "Nothing is granted in advance",
    remedy:
      "Objects made from now on would be open to somebody. Take it back with ALTER DEFAULT PRIVILEGES ... REVOKE, then look at what was made since.",
    severity: "finding",
  },
  {
    id: "database-privileges",
    title: "Only the service's logins may connect to the database, and it belongs to the migrating role",
    remedy:
      "Take it back with REVOKE ... ON DATABASE. The owner of a database can give everybody a way in, and drop it: give it back with ALTER DATABASE ... OWNER TO.",
    severity: "finding",
  },
  {
    id: "service-privileges",
    title: "The service's logins own nothing and have no rights but those that the migrations gave",
    remedy:
      "A login of the service has rights of its own, which a statement that was not pinned to a vault would use. Take them back with REVOKE.",
    severity: "finding",
  },
  {
    id: "parameter-privileges",
    title: "Nobody may set what only a superuser may set",
    remedy: "Take it back with REVOKE SET, ALTER SYSTEM ON PARAMETER.",
    severity: "finding",
  },
];
