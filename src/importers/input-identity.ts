import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

/** What tells a file from another one of the same name, without reading all of it. */
export interface FileIdentity {
  readonly size: number;
  /** When it was last changed, in milliseconds since 1970 UTC. */
  readonly modified: number;
  /** SHA-256 of its first 64 KiB, in hexadecimal. */
  readonly sha256: string;
}

const headBytes = 65_536;

/**
 * Says what identifies a file.
 *
 * @throws the file system's error when it cannot be read
 */
export async function identify(path: string): Promise<FileIdentity> {
  const file = await open(path);
  try {
    const { size, mtimeMs } = await file.stat();
    const head = Buffer.alloc(Math.min(size, headBytes));
    let length = 0;
    while (length < head.length) {
      const { bytesRead } = await file.read(head, length, head.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    const sha256 = createHash("sha256").update(head.subarray(0, length)).digest("hex");
    return { size, modified: Math.floor(mtimeMs), sha256 };
  } finally {
    await file.close();
  }
}
