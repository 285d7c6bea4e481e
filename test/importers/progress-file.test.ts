import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newState } from "../../src/importers/import-state.ts";
import { identify } from "../../src/importers/input-identity.ts";
import { type ImportIdentity, ProgressFile, readProgress } from "../../src/importers/progress-file.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wellvault-progress-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const identity: ImportIdentity = {
  form: 2,
  importer: "fhir",
  address: "http://127.0.0.1:8080",
  tenant: "acme",
  options: { employee: "E-1" },
  input: [{ size: 1, modified: 2, sha256: "ab" }],
};

test("what was saved last is read back, and nothing is left beside it", async () => {
  const path = join(folder, "p.json");
  expect(await readProgress(path, identity)).toEqual({ type: "none" });
  const file = new ProgressFile(path, identity);
  const state = newState();
  for (let position = 0; position <= 50; position++) {
    state.position = position;
    state.counts.passedOver["Workout"] = position;
    file.save(state);
    if (position % 20 === 0) await file.settle();
  }
  await file.settle();
  expect(await readProgress(path, identity)).toEqual({ type: "found", state });
  expect(await readdir(folder)).toEqual(["p.json"]);
  await file.remove();
  expect(await readdir(folder)).toEqual([]);
});

test("progress of anything else is not taken for this import's", async () => {
  const path = join(folder, "q.json");
  const file = new ProgressFile(path, identity);
  file.save(newState());
  await file.settle();
  for (const other of [
    { ...identity, tenant: "globex" },
    { ...identity, address: "http://127.0.0.1:8081" },
    { ...identity, options: { employee: "E-2" } },
    { ...identity, importer: "fitabase" },
    { ...identity, input: [{ size: 1, modified: 3, sha256: "ab" }] },
  ]) {
    expect(await readProgress(path, other)).toEqual({ type: "other" });
  }
});

test("a file that somebody changed is not believed", async () => {
  const path = join(folder, "r.json");
  const state = newState();
  const good = { import: identity, ...state };
  for (const text of [
    JSON.stringify({ import: identity }),
    JSON.stringify({ ...good, position: -1 }),
    JSON.stringify({ ...good, done: ["x"] }),
    JSON.stringify({ ...good, counts: { ...state.counts, refused: "many" } }),
    JSON.stringify({ ...good, counts: { passedOver: {} } }),
    JSON.stringify({ ...good, counts: { ...state.counts, passedOver: { Workout: "1" } } }),
    JSON.stringify({ ...good, complete: 1 }),
  ]) {
    await writeFile(path, text);
    expect(await readProgress(path, identity), text).toEqual({ type: "other" });
  }
  await writeFile(path, JSON.stringify(good));
  expect(await readProgress(path, identity)).toEqual({ type: "found", state });
});

test("what no import wrote is told from the progress of another one, and an empty file is none", async () => {
  const path = join(folder, "s.json");
  for (const text of ["{", "[1]", "null", "<HealthData>", JSON.stringify({ import: "x" })]) {
    await writeFile(path, text);
    expect(await readProgress(path, identity), text).toEqual({ type: "foreign" });
  }
  await writeFile(path, "");
  expect(await readProgress(path, identity)).toEqual({ type: "none" });
});

test("a state that could not be written is told, and the next one is written", async () => {
  const away = join(folder, "away");
  const file = new ProgressFile(join(away, "p.json"), identity);
  const state = { ...newState(), position: 7 };
  file.save(state);
  await file.settle();
  expect(file.failure).toMatchObject({ code: "ENOENT" });
  await mkdir(away);
  file.save(state);
  await file.settle();
  expect(file.failure).toBeUndefined();
  expect(await readProgress(join(away, "p.json"), identity)).toEqual({ type: "found", state });
  await rm(away, { recursive: true });
});

test("a file is another one when its size, its time or its beginning differs", async () => {
  const path = join(folder, "input");
  const at = new Date("2026-01-05T08:00:00Z");
  const write = async (text: string, time = at) => {
    await writeFile(path, text);
    await utimes(path, time, time);
    return await identify(path);
  };
  const first = await write("abc");
  expect(await write("abc")).toEqual(first);
  expect(await write("abd")).not.toEqual(first);
  expect(await write("abcd")).not.toEqual(first);
  expect(await write("abc", new Date(at.getTime() + 1_000))).not.toEqual(first);
});
