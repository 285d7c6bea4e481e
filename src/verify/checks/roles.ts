import type { CheckInfo } from "../check.ts";

/** Who may log in, and who may become whom. */
export const roleChecks: readonly CheckInfo[] = [
  {
    id: "vault-role-attributes",
    title: "The role of a vault may do nothing on the server",
    remedy:
      "Somebody altered a vault's role, so that it may log in, make roles or go around row level security. Take it back with ALTER ROLE, and find out who did it: the service never does.",
    severity: "finding",
  },
  {
    id: "role-settings",
    title: "No role brings settings into a session but the empty search_path",
    remedy:
      "A setting such as role or search_path would make a session somebody else's before its first statement. Take it back with ALTER ROLE ... RESET, in this database and for all, and restart the service, so that its connections are new.",
    severity: "finding",
  },
  {
    id: "vault-members",
    title: "Only the company's own login may become the role of its vault",
    remedy:
      "Whoever is told here can read and write the company's rows together with a tenant token, or use its rights. Take the membership back with REVOKE, and look who granted it.",
    severity: "finding",
  },
  {
    id: "vault-memberships",
    title: "The role of a vault is a member of no other role",
    remedy: "A vault's role has the rights of another one. Take the membership back with REVOKE.",
    severity: "finding",
  },
  {
    id: "service-roles",
    title: "The service's own roles are all there and have no attribute but their own",
    remedy:
      "A role of the service can do more, or less, than it was made for, or somebody made one that looks like it. Take the attribute back with ALTER ROLE, drop what is not the service's.",
    severity: "finding",
  },
  {
    id: "service-memberships",
    title: "Nobody is a member of the service's roles, and they of no other, but as the migrations say",
    remedy:
      "A member of wellvault_owner or wellvault_guard can undo every wall, and a login that is a member of another role has its rights. Take the membership back with REVOKE. When the migrating role is told here, DATABASE_URL names another one than migrated the database.",
    severity: "finding",
  },
  {
    id: "companies",
    title: "Every company has its schema, its role and a known login, and no role is left over",
    remedy:
      "A company without its vault takes no calls; restore it. A vault's role without a company may be left from a database that was dropped: drop it when nothing belongs to it.",
    severity: "finding",
  },
  {
    id: "powerful-members",
    title: "Nobody can become a superuser or the migrating role, or has their rights, by a membership",
    remedy:
      "Such a role reaches every row although nothing is seen on the role itself. Take the membership back with REVOKE, and look who granted it.",
    severity: "finding",
  },
  {
    id: "powerful-roles",
    title: "No other role of the server reaches everything",
    remedy:
      "No wall inside the database holds against these roles: a superuser sees every row. Keep a list of who has their credentials, and keep it short.",
    severity: "note",
  },
  {
    id: "catalogue-readers",
    title: "Nobody outside the service reads the catalogue",
    remedy:
      "These roles see the names of all vaults and roles, sizes and statistics, and no row. Keep a list of who has their credentials; take it back with REVOKE wellvault_catalog_reader FROM.",
    severity: "note",
  },
];
