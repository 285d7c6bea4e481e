import { connect, type IncomingHttpHeaders } from "node:http2";
import { type Duplex, duplexPair } from "node:stream";
import { flag, frame, frameType, settingsFrame } from "./frames.ts";

/** How long the decoding of a block may take, in milliseconds. */
const decodeMs = 5_000;

/**
 * Decodes a header block that a server sent to a client with SETTINGS_HEADER_TABLE_SIZE=0, for whom no block
 * depends on another. Node's own HTTP/2 client does it, which is given the block as a response: that is slow
 * and right, and needed once for each distinct block.
 *
 * @throws Error when it is no header block
 */
export async function decodeHeaderBlock(block: Uint8Array): Promise<IncomingHttpHeaders> {
  const [near, far]: [Duplex, Duplex] = duplexPair();
  const session = connect("http://decoder", { createConnection: () => near, settings: { headerTableSize: 0 } });
  try {
    return await new Promise<IncomingHttpHeaders>((done, fail) => {
      const timer = setTimeout(() => fail(new Error("a header block was not decoded in time")), decodeMs);
      timer.unref();
      session.on("error", fail);
      const request = session.request({ ":method": "POST" });
      request.on("error", fail);
      request.on("close", () => fail(new Error("a header block could not be decoded")));
      request.on("response", (headers) => {
        clearTimeout(timer);
        done(headers);
      });
      far.resume();
      far.write(settingsFrame([]));
      const whole = withStatus(block);
      far.write(frame(frameType.headers, flag.endHeaders | flag.endStream, 1, whole));
    });
  } finally {
    session.destroy();
    far.destroy();
  }
}

/**
 * Makes a response of trailers, which have no status: puts one before the fields and after the changes of the
 * table's size, which must come first. What has a status stays as it is.
 */
function withStatus(block: Uint8Array): Uint8Array {
  let at = 0;
  while (at < block.length && ((block[at] ?? 0) & 0xe0) === 0x20) {
    const isLong = ((block[at] ?? 0) & 0x1f) === 0x1f;
    at++;
    while (isLong && ((block[at++] ?? 0) & 0x80) !== 0);
  }
  const first = block[at] ?? 0;
  // Entries 8 to 14 of HPACK's static table are statuses; 8 is also the name for any other one.
  const hasStatus = (first >= 0x88 && first <= 0x8e) || [0x48, 0x08, 0x18].includes(first);
  return hasStatus ? block : Buffer.concat([block.subarray(0, at), Buffer.of(0x88), block.subarray(at)]);
}
