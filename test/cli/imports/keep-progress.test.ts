import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { fhirSource } from "../../../src/cli/imports/fhir-source.ts";
import { openProgress } from "../../../src/cli/imports/keep-progress.ts";
import { ConfigError } from "../../../src/config.ts";

let folder: string;
let input: string;
let said: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wellvault-keep-"));
  input = join(folder, "input.json");
  await writeFile(input, "{}");
});
beforeEach(() => {
  said = [];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = (progressFile?: string, employee = "E-1") => {
  const options = { tenant: "acme", address: "http://127.0.0.1:8080", retrySeconds: 0 };
  const source = fhirSource(input, { employee });
  return openProgress(source, progressFile === undefined ? options : { ...options, progressFile }, (text) =>
    said.push(text),
  );
};

test("a file that was named by mistake is not written over, be it the input itself", async () => {
  const notes = join(folder, "notes.json");
  await writeFile(notes, '{"import":"ant"}');
  for (const path of [notes, input]) {
    const before = await readFile(path, "utf8");
    const error = await start(path).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({
      message: expect.stringContaining("is no progress file, and stays as it is") as string,
    });
    expect(await readFile(path, "utf8")).toBe(before);
  }
  await rm(notes);
  for (const path of ["/dev/null", folder]) await expect(start(path)).rejects.toThrow("is not a file");
  expect(await readdir(folder)).toEqual(["input.json"]);
});

test("progress of another import, and an empty file, give way to this one", async () => {
  const path = join(folder, "named.json");
  await writeFile(path, "");
  for (const employee of ["E-1", "E-2"]) {
    const kept = await start(path, employee);
    expect(kept).toMatchObject({ resumed: false, state: { position: 0 } });
    await kept.release();
  }
  expect(said).toEqual([expect.stringContaining("is of another import")]);
  const again = await start(path, "E-2");
  expect(again.resumed).toBe(true);
  await again.file?.remove();
  await again.release();
  expect(await readdir(folder)).toEqual(["input.json"]);
});

test("two imports do not keep their progress in one file at the same time", async () => {
  const first = await start();
  await expect(start()).rejects.toThrow(
    new RegExp(`in use by another import, process ${process.pid}\\. Wait until it ends`),
  );
  const elsewhere = await start(join(folder, "elsewhere.json"));
  for (const { file, release } of [elsewhere, first]) {
    await file?.remove();
    await release();
  }
  const next = await start();
  expect(next.resumed).toBe(false);
  await next.file?.remove();
  await next.release();
  expect(await readdir(folder)).toEqual(["input.json"]);
});

test("a progress file that cannot be written is refused, and no folder is made for it", async () => {
  const away = join(folder, "no/such/folder");
  await expect(start(away)).rejects.toThrow(/--progress-file cannot be written: ENOENT/);
  expect(await readdir(folder)).toEqual(["input.json"]);
});
