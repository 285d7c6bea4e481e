import type { CheckInfo } from "../check.ts";

/** PostgreSQL itself. */
export const serverChecks: readonly CheckInfo[] = [
  {
    id: "hardening",
    title: "PUBLIC may not read the catalogue nor run what looks or reaches out of a vault",
    remedy:
      "The token wall still keeps other vaults' rows out of reach, but a statement that was put into a call could learn names and sizes, take locks and wait. Let a superuser run `wellvault harden` once: a migrating role that is none cannot take these rights from PUBLIC.",
    severity: "finding",
  },
  {
    id: "catalogue",
    title: "Nobody added anything to PostgreSQL's own schemas",
    remedy:
      "A function or a table there is found before any other by every statement. Look what it does, and drop it as a superuser.",
    severity: "finding",
  },
  {
    id: "builtin-functions",
    title: "PostgreSQL's own functions are those that it came with",
    remedy:
      "A function that was replaced runs in every statement that calls it, with the caller's rights. Restore it from a fresh server of the same version, and look who changed it. Where a provider changes PostgreSQL, compare with a fresh server of theirs.",
    severity: "finding",
  },
  {
    id: "builtin-functions-known",
    title: "What PostgreSQL's own functions are is known for this version",
    remedy:
      "A version that this one of Wellvault was not tested on: that no function of PostgreSQL was replaced by another one in the same language is not checked. Compare pg_proc with a fresh server of the same version.",
    severity: "note",
  },
  {
    id: "catalogue-grants",
    title: "Neither PUBLIC nor a role of the service has more rights on PostgreSQL's own objects than it was given",
    remedy:
      "pg_authid holds the passwords, pg_statistic values of rows, and functions such as pg_read_file read the server's files. Take the right back with REVOKE, and look who granted it.",
    severity: "finding",
  },
  {
    id: "server-settings",
    title: "The server's settings are those that the walls rest on",
    remedy: "Change the setting in postgresql.conf and reload.",
    severity: "finding",
  },
  {
    id: "log-settings",
    title: "The server's log holds no values of rows",
    remedy:
      "The service binds its values, but an error's detail or a logged statement can still show one. Set log_error_verbosity = terse, log_min_error_statement = panic, log_parameter_max_length = 0 and log_parameter_max_length_on_error = 0, and what is told besides to its default.",
    severity: "note",
  },
  {
    id: "other-databases",
    title: "The service's logins can connect to no other database of the server",
    remedy:
      "Nothing of this service is there, but what is open to PUBLIC there is open to the logins. Take CONNECT from PUBLIC on those databases.",
    severity: "note",
  },
];
