import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fitabaseSource } from "../../../src/cli/imports/fitabase-source.ts";
import { integer } from "../../../src/cli/imports/options.ts";
import { ConfigError } from "../../../src/config.ts";

test("a folder without any of the files is refused with their names, and one with some tells which are missing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wellvault-fitabase-"));
  const refused = await fitabaseSource(folder, 0).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ConfigError);
  expect(refused).toMatchObject({ message: expect.stringContaining("holds no Fitabase export") as string });
  await writeFile(join(folder, "sleepDay_merged.csv"), "");
  const { files, notices } = await fitabaseSource(folder, 0);
  expect(files).toEqual([join(folder, "sleepDay_merged.csv")]);
  expect(notices).toHaveLength(4);
  expect(notices).toContain("hourlySteps_merged.csv is not there and not imported.");
  await rm(folder, { recursive: true });
});

test.each(["841", "-841", "", "1.5", "0x10", "1e2", "5 h"])("an offset that is none is refused: %j", (text) => {
  expect(() => integer("--utc-offset-minutes", text, -840, 840)).toThrow(
    "--utc-offset-minutes must be a whole number from -840 to 840.",
  );
  expect(integer("--utc-offset-minutes", "-840", -840, 840)).toBe(-840);
});
