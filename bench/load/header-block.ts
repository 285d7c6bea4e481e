/** Headers whose names stand in HPACK's static table (RFC 7541, appendix A), with their place there. */
const staticNames: Readonly<Record<string, number>> = {
  ":authority": 1,
  ":method": 2,
  ":path": 4,
  ":scheme": 6,
  "content-type": 31,
};

/**
 * Encodes headers as literals without indexing: the block is the same bytes every time, so that it can be
 * made once and sent by every call. Names and values are ASCII.
 */
export function encodeHeaderBlock(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    headers.flatMap(([name, value]) => {
      const place = staticNames[name];
      return [...(place === undefined ? [integer(0, 4, 0), text(name)] : [integer(0, 4, place)]), text(value)];
    }),
  );
}

/** A string without Huffman's code: its length and its bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(0, 7, bytes.length), bytes]);
}

/** An integer with a prefix of `bits` bits, after the pattern in the bits above (RFC 7541, section 5.1). */
function integer(pattern: number, bits: number, value: number): Buffer {
  const limit = 2 ** bits - 1;
  if (value < limit) return Buffer.of(pattern | value);
  const bytes = [pattern | limit];
  let rest = value - limit;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.of(...bytes, rest);
}
