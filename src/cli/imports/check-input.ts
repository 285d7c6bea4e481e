import { open, stat } from "node:fs/promises";
import { ConfigError } from "../../config.ts";

/** Beginnings of files that are no text of UTF-8, with what they are and what to do. */
const others: readonly [head: readonly number[], advice: string][] = [
  [[0x50, 0x4b], "is a ZIP archive. Unpack it and import what is in it."],
  [[0x1f, 0x8b], "is compressed by gzip. Unpack it and import what is in it."],
  [[0xff, 0xfe], "is in UTF-16. Save it in UTF-8."],
  [[0xfe, 0xff], "is in UTF-16. Save it in UTF-8."],
];

/**
 * Looks at the files of an import before anything is done: each must be a file that can be read, and neither packed nor
 * in another encoding. A pipe is none, for an import that goes on reads it again.
 *
 * @returns the bytes of all of them
 * @throws ConfigError when one cannot be used
 */
export async function checkInput(files: readonly string[]): Promise<number> {
  let total = 0;
  for (const path of files) {
    const found = await stat(path).catch(notRead);
    // To open a pipe waits until somebody writes to it.
    if (!found.isFile()) throw new ConfigError(`${path} is not a file.`);
    const head = await headOf(path).catch(notRead);
    for (const [bytes, advice] of others) {
      if (bytes.every((byte, at) => head[at] === byte)) throw new ConfigError(`${path} ${advice}`);
    }
    total += found.size;
  }
  return total;
}

function notRead(error: Error): never {
  throw new ConfigError(`The input cannot be read: ${error.message}`);
}

/** The first two bytes of a file. */
async function headOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
