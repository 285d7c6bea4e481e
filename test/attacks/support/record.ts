/** What a test of an attack or of a control leaves for the table: made while it ran, never before. */
export interface AttackRecord {
  readonly kind: "attack" | "control" | "half";
  /** Id in the catalogue. */
  readonly id: string;
  readonly title: string;
  readonly expected: string;
  /** The different outcomes that the attempts met; empty when none was made. */
  met: string[];
  /** Whether the victims' rows and catalogue were the same afterwards. Attacks only. */
  unchanged?: boolean;
  /** Whether no value of the victims came back. Attacks only. */
  unseen?: boolean;
}

declare module "vitest" {
  interface TaskMeta {
    attack?: AttackRecord;
  }
}
