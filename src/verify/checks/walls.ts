import type { CheckInfo } from "../check.ts";

/** The walls inside and around every vault. */
export const wallChecks: readonly CheckInfo[] = [
  {
    id: "row-security",
    title: "Row level security is on for every table of every vault",
    remedy:
      "Without it a statement under this vault's role needs no tenant token. Switch it on: ALTER TABLE ... ENABLE ROW LEVEL SECURITY.",
    severity: "finding",
  },
  {
    id: "policies",
    title: "Every table of every vault has one policy, which asks for the company's token",
    remedy:
      "Another policy shows rows to somebody without the token, or hides them from everybody. Drop it, and make the usual one again: control.wall_in does, as the owner.",
    severity: "finding",
  },
  {
    id: "company-stamp",
    title: "Every table of every vault takes rows of its own company only",
    remedy:
      "Rows of another company could be put here by mistake. Look for rows with another company_id first, then make the constraint again, validated.",
    severity: "finding",
  },
  {
    id: "foreign-keys",
    title: "No foreign key leads into or out of a vault",
    remedy: "A key across vaults reads the other side with its owner's rights. Drop the constraint.",
    severity: "finding",
  },
  {
    id: "vault-objects",
    title: "A vault holds tables and nothing that runs: no view, function, trigger or rule",
    remedy:
      "A view or a function runs with its owner's rights, around the policies; a trigger can copy rows away. Look at what it does before you drop it, for rows may have been read.",
    severity: "finding",
  },
  {
    id: "inheritance",
    title: "No table of a vault inherits from another one",
    remedy: "A parent shows its children's rows under its own policies. Detach with ALTER TABLE ... NO INHERIT.",
    severity: "finding",
  },
  {
    id: "cross-references",
    title: "Nothing in a vault refers to anything outside of it, and nothing outside to anything in it",
    remedy: "Look at what the object does, for rows may have been read through it, and drop it.",
    severity: "finding",
  },
  {
    id: "vault-structure",
    title: "Every vault is exactly what the migrations make",
    remedy:
      "Somebody changed a vault by hand. Compare the line with the same line of another vault, and undo the change.",
    severity: "finding",
  },
  {
    id: "vault-versions",
    title: "Every vault has all migrations",
    remedy:
      "A vault that is behind was left out: run `wellvault migrate`. One that is ahead was migrated by a newer version of the service: verify with that one. Vaults at other versions are not compared with what the migrations make.",
    severity: "finding",
  },
];
