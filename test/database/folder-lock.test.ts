import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FolderInUseError, lockFolder } from "../../src/database/folder-lock.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wellvault-lock-"));
  file = join(folder, "server.lock");
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs `work` while a process of somebody else lives. */
async function withProcess(work: (pid: number) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  try {
    await work(child.pid ?? 0);
  } finally {
    child.kill("SIGKILL");
  }
}

test("a living process keeps its folder, also when nothing answers at its address any more", async () => {
  const lock = await lockFolder(folder);
  await lock.announce("http://127.0.0.1:1");
  await expect(lockFolder(folder)).rejects.toThrow(/in use by process \d+, which serves http:\/\/127\.0\.0\.1:1/);
  await lock.release();
  await (await lockFolder(folder)).release();
});

test("what a process that is gone left behind is taken over, whatever it says", async () => {
  for (const text of ["", "{", JSON.stringify({ pid: 2 ** 22 + 1, started: "1" })]) {
    await writeFile(file, text);
    await (await lockFolder(folder)).release();
  }
});

test("a process that was given the number of one that is gone does not hold its folder", async () => {
  await withProcess(async (pid) => {
    await writeFile(file, JSON.stringify({ pid, started: "long ago" }));
    await (await lockFolder(folder)).release();
    // Where the system does not tell a process's start, the number alone decides.
    await writeFile(file, JSON.stringify({ pid }));
    await expect(lockFolder(folder)).rejects.toBeInstanceOf(FolderInUseError);
  });
});

test("releasing leaves alone a lock that is somebody else's by now", async () => {
  const lock = await lockFolder(folder);
  const other = JSON.stringify({ pid: 1, started: "2" });
  await writeFile(file, other);
  await lock.release();
  expect(await readFile(file, "utf8")).toBe(other);
});

test("of several that claim a folder with remains in it at once, one gets it", async () => {
  await writeFile(file, JSON.stringify({ pid: 2 ** 22 + 1, started: "1" }));
  const script = `import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, "../../src/database/folder-lock.ts"))};
    lockFolder(${JSON.stringify(folder)}).then(() => { console.log("mine"); setTimeout(() => {}, 3000); }, () => console.log("taken"));`;
  const outputs = await Promise.all(
    Array.from(
      { length: 6 },
      () =>
        new Promise<string>((done) => {
          const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
            stdio: ["ignore", "pipe", "inherit"],
          });
          let text = "";
          child.stdout.on("data", (chunk: Buffer) => {
            text += chunk;
          });
          child.once("close", () => done(text.trim()));
        }),
    ),
  );
  expect(outputs.filter((text) => text === "mine")).toHaveLength(1);
});
