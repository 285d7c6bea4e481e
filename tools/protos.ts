/** What check and protos:accept share: the image of the protos that landed last. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The root of the checkout. */
export const root = join(import.meta.dirname, "..");

/** The compiled protos as they landed last; what clients out there rely on. */
export const landedImage = join(root, "proto/landed.binpb");

/** Compiles `proto` and returns the image, without comments and positions. */
export function buildImage(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "wellvault-protos-"));
  try {
    const file = join(folder, "image.binpb");
    buf(["build", "proto", "--exclude-source-info", "-o", file]);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs buf and throws when it fails; what it prints goes to the terminal. */
export function buf(args: readonly string[]): void {
  const result = spawnSync("buf", args, { cwd: root, stdio: "inherit" });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`buf ${args[0]} failed`);
}
