import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recordTypes } from "../../src/importers/apple-health/record-types.ts";
import { observationCodes, panelCodes } from "../../src/importers/fhir/observation-codes.ts";
import { fitabaseFiles } from "../../src/importers/fitabase-files.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/importing.md"), "utf8");
const rows = page.split("\n").filter((line) => line.startsWith("|"));

test("docs/importing.md has every file, type and code that is read in a row with its kind", () => {
  for (const { name } of fitabaseFiles) expect(page).toContain(`| \`${name}\` |`);
  for (const [type, { kind, units }] of recordTypes) {
    const row = rows.find((one) => one.includes(`\`${type.replace("HKQuantityTypeIdentifier", "")}\``));
    expect(row, type).toContain(`\`${kind}\``);
    const [unit = ""] = Object.keys(units);
    if (!row?.includes("| as ")) expect(row, type).toContain(unit);
  }
  for (const [loinc, { kind, units }] of observationCodes) {
    const row = rows.find((one) => one.includes(loinc));
    expect(row, loinc).toContain(`\`${kind}\``);
    if (!row?.includes("| as ")) for (const unit of units.keys()) expect(row, loinc).toContain(unit);
  }
  for (const loinc of panelCodes) expect(page).toContain(loinc);
});
