import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sqlFolder } from "../database/migrations.ts";

/** Returns what every query of `sql/verify` begins with. */
export async function prelude(): Promise<string> {
  const [start, targets] = await Promise.all([
    readFile(join(sqlFolder, "verify/prelude.sql"), "utf8"),
    readFile(join(sqlFolder, "hardening-targets.sql"), "utf8"),
  ]);
  return `${start}\nhardening_targets as (\n${targets}\n),\n`;
}
