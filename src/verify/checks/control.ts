import type { CheckInfo } from "../check.ts";

/** The control plane: what makes the vaults and guards their rows. */
export const controlChecks: readonly CheckInfo[] = [
  {
    id: "control-functions",
    title: "The functions of the control plane and of the guard are those of the migrations",
    remedy:
      "These functions make the vaults and check the tenant tokens. One that is changed can do anything: stop the service, restore the function from sql/control, and find out who changed it.",
    severity: "finding",
  },
  {
    id: "control-objects",
    title: "The tables of the control plane and of the guard, and the rights in them, are those of the migrations",
    remedy:
      "A right on control.companies tells who the clients are, one on guard.keys lets tokens be forged. Undo the change; after one of guard.keys, change the token secret.",
    severity: "finding",
  },
  {
    id: "migrations",
    title: "What was applied, and what new vaults are made from, are the files of this version",
    remedy:
      "Verify with the version of the service that migrated this database. If it is that one, somebody changed the tables of migrations: every company provisioned since may have something in its vault that does not belong there.",
    severity: "finding",
  },
  {
    id: "token-keys",
    title: "Tenant tokens are signed with the configured key, or with one more while keys are being changed",
    remedy:
      "List the keys with `wellvault keys`. When every process has the new secret, end the change: `wellvault keys --retire --yes`.",
    severity: "finding",
  },
  {
    id: "token-key-rotation",
    title: "No change of keys is under way",
    remedy:
      "A second key is in use. When every process has the new secret, end the change: `wellvault keys --retire --yes`.",
    severity: "note",
  },
  {
    id: "schemas",
    title: "The database has the service's own schemas only",
    remedy:
      "A schema of somebody else can hold views and functions over a vault. Look what is in it, move it to another database. A vault without a company may be what is left of a restore.",
    severity: "finding",
  },
  {
    id: "event-triggers",
    title: "No event trigger is there",
    remedy: "It runs at every command, with the rights of whoever gives it. Drop it.",
    severity: "finding",
  },
  {
    id: "extensions",
    title: "No extension, language or foreign server is installed but plpgsql",
    remedy: "Some extensions read files, open connections or change what statements do. Drop what is not needed.",
    severity: "finding",
  },
  {
    id: "large-objects",
    title: "There are no large objects",
    remedy:
      "The service makes none: somebody copied something there, past every policy. Look what it holds and who may read it, and drop it with lo_unlink.",
    severity: "finding",
  },
  {
    id: "replication",
    title: "No publication, subscription or logical slot moves rows in or out",
    remedy: "Whoever reads from it has every company's rows. Drop it, or write down who it is for.",
    severity: "finding",
  },
];
