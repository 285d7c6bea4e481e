import { openSocket } from "./wire.ts";

/** A header as it goes over the wire: name and value. */
export type RawHeader = readonly [name: string, value: string];

/**
 * Sends one request over HTTP/2 by frames made by hand, because Node's client refuses to repeat a header
 * such as `authorization`, and returns what came back until the server went quiet or the stream ended.
 */
export async function sendFrames(address: string, path: string, headers: readonly RawHeader[]): Promise<string> {
  const socket = await openSocket(address);
  const all: RawHeader[] = [
    [":method", "POST"],
    [":scheme", "http"],
    [":authority", "test"],
    [":path", path],
    ...headers,
  ];
  const block = Buffer.concat(all.map(([name, value]) => Buffer.concat([Buffer.of(0), text(name), text(value)])));
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  // SETTINGS, then HEADERS with the end of the headers and of the stream.
  socket.write(Buffer.concat([preface, frame(4, 0, 0, Buffer.alloc(0)), frame(1, 5, 1, block)]));
  const seen: Buffer[] = [];
  for await (const chunk of socket) {
    seen.push(chunk as Buffer);
    if (endsStream(Buffer.concat(seen))) break;
  }
  socket.destroy();
  return Buffer.concat(seen).toString("latin1");
}

/** A string of HPACK without compression: its length and its bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.of(...length, rest), bytes]);
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Whether a whole frame says that stream 1 is over. */
function endsStream(bytes: Buffer): boolean {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const [type, flags = 0] = [bytes[at + 3], bytes[at + 4]];
    const whole = at + 9 + bytes.readUIntBE(at, 3) <= bytes.length;
    const ends = type === 3 || ((type === 0 || type === 1) && (flags & 1) === 1);
    if (whole && bytes.readUInt32BE(at + 5) === 1 && ends) return true;
  }
  return false;
}
