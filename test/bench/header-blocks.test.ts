import fc from "fast-check";
import { expect, test } from "vitest";
import { countEntries } from "../../bench/load/count-entries.ts";
import { decodeHeaderBlock } from "../../bench/load/decode-block.ts";
import { encodeHeaderBlock } from "../../bench/load/header-block.ts";
import { judgeResponse, judgeTrailers } from "../../bench/load/header-verdicts.ts";

test("what is encoded is what is decoded, however long", async () => {
  const value = fc.stringMatching(/^[a-z0-9](?:[ -~]{0,400}[a-z0-9])?$/);
  await fc.assert(
    fc.asyncProperty(value, value, async (first, second) => {
      const block = encodeHeaderBlock([
        ["content-type", first],
        ["x-tenant-id", second],
      ]);
      expect(await decodeHeaderBlock(block)).toMatchObject({ "content-type": first, "x-tenant-id": second });
    }),
    { numRuns: 30 },
  );
});

test("a response in Huffman's code, as RFC 7541 has it in C.6.1", async () => {
  const block = Buffer.from(
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "hex",
  );
  expect(await decodeHeaderBlock(block)).toMatchObject({
    ":status": 302,
    "cache-control": "private",
    location: "https://www.example.com",
  });
});

test("trailers after a change of the table's size", async () => {
  const trailers = encodeHeaderBlock([["grpc-status", "13"]]);
  expect(await decodeHeaderBlock(Buffer.concat([Buffer.of(0x20), trailers]))).toMatchObject({ "grpc-status": "13" });
  expect(await decodeHeaderBlock(Buffer.concat([Buffer.of(0x20, 0x20), trailers]))).toMatchObject({
    "grpc-status": "13",
  });
});

test("what is no header block is refused", async () => {
  await expect(decodeHeaderBlock(Buffer.of(0x80))).rejects.toThrow();
});

test("only a gRPC response and status 0 are success", () => {
  expect(judgeResponse({ ":status": 200, "content-type": "application/grpc+proto" })).toBe("");
  expect(judgeResponse({ ":status": 200, "content-type": "text/html" })).not.toBe("");
  expect(judgeResponse({ ":status": 503, "content-type": "application/grpc" })).not.toBe("");
  expect(judgeTrailers({ "grpc-status": "0" })).toBe("");
  expect(judgeTrailers({ "grpc-status": "00" })).not.toBe("");
  expect(judgeTrailers({})).toBe("no gRPC status");
});

test("entries are counted only in a whole message", () => {
  const body = (...fields: number[]) => Buffer.of(0, 0, 0, 0, fields.length, ...fields);
  expect(countEntries(body(0x0a, 1, 7, 0x0a, 0, 0x12, 1, 9))).toBe(2);
  expect(countEntries(body())).toBe(0);
  for (const broken of [
    body(0x0a, 2, 7),
    body(0x08, 1),
    body(0x0a, 0x80),
    Buffer.of(0, 0, 0, 0, 2, 0x0a),
    Buffer.of(1, 0, 0, 0, 0),
    undefined,
  ]) {
    expect(countEntries(broken)).toBe(-1);
  }
});
