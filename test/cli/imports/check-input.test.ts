import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkInput } from "../../../src/cli/imports/check-input.ts";
import { ConfigError } from "../../../src/config.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wellvault-input-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ["a ZIP archive", Buffer.from("PK\u0003\u0004"), "is a ZIP archive. Unpack it"],
  ["gzip", gzipSync("{}"), "is compressed by gzip. Unpack it"],
  ["UTF-16", Buffer.from("\uFEFFId,Value", "utf16le"), "is in UTF-16. Save it in UTF-8"],
  ["UTF-16 the other way round", Buffer.from("\uFEFFId,Value", "utf16le").swap16(), "is in UTF-16. Save it in UTF-8"],
])("a file that is no text of UTF-8 is refused with what to do: %s", async (_, contents, advice) => {
  const path = join(folder, "input");
  await writeFile(path, contents);
  const error = await checkInput([path]).catch((one: unknown) => one);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({ message: expect.stringContaining(`${path} ${advice}`) as string });
});

test("a folder, a pipe that nobody writes to and what is not there are refused at once, and texts are added up", async () => {
  const pipe = join(folder, "pipe");
  await promisify(execFile)("mkfifo", [pipe]);
  await expect(checkInput([pipe])).rejects.toThrow("is not a file");
  await expect(checkInput([folder])).rejects.toThrow("is not a file");
  await expect(checkInput([join(folder, "none")])).rejects.toThrow("The input cannot be read: ENOENT");
  const texts = ["", "\uFEFFId", "P"].map((text, index) => ({ path: join(folder, `text-${index}`), text }));
  for (const { path, text } of texts) await writeFile(path, text);
  expect(await checkInput(texts.map(({ path }) => path))).toBe(6);
});
