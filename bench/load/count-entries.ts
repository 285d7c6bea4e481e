/**
 * Counts the entries in the body of a ListLogEntries response, field 1 of the message, by walking over its
 * top-level fields without decoding them. Returns -1 when it is no such message.
 */
export function countEntries(body: Buffer | undefined): number {
  if (!body || body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return -1;
  let entries = 0;
  for (let at = 5; at < body.length; ) {
    const tag = body[at++] ?? 0;
    // Only strings and messages stand at the top of this response.
    if ((tag & 7) !== 2) return -1;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = body[at++];
      if (byte === undefined || shift > 28) return -1;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    if (tag >> 3 === 1) entries++;
    at += length;
    if (at > body.length) return -1;
  }
  return entries;
}
