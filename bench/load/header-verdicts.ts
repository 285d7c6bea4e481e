import { decodeHeaderBlock } from "./decode-block.ts";

/** Distinct blocks that are decoded at most; a server that makes up more is not answering the same call. */
const maxDistinct = 2_000;

/** What a header block means: an empty text for success, otherwise what is wrong. */
export type Verdict = string;

/**
 * Tells success from failure by the header blocks of responses. Each distinct block is decoded once; after that
 * its bytes are known, and comparing them is all that a call costs.
 */
export class HeaderVerdicts {
  readonly #judge: (headers: Readonly<Record<string, unknown>>) => Verdict;
  readonly #known = new Map<string, Verdict | Promise<Verdict>>();
  /** The block of the last success, which the next one most likely equals. */
  #good: Buffer = Buffer.alloc(0);

  /** @param judge says what decoded headers mean */
  constructor(judge: (headers: Readonly<Record<string, unknown>>) => Verdict) {
    this.#judge = judge;
  }

  /** Returns what the block in `bytes` from `start` to `end` means, at once when it was seen before. */
  of(bytes: Buffer, start: number, end: number): Verdict | Promise<Verdict> {
    if (this.#good.length > 0 && bytes.compare(this.#good, 0, this.#good.length, start, end) === 0) return "";
    const key = bytes.toString("latin1", start, end);
    const known = this.#known.get(key);
    if (known !== undefined) {
      if (known === "") this.#good = Buffer.from(bytes.subarray(start, end));
      return known;
    }
    if (this.#known.size >= maxDistinct) return "more distinct answers than can be told apart";
    const block = Buffer.from(bytes.subarray(start, end));
    const verdict = decodeHeaderBlock(block).then(this.#judge, (error: unknown) => String(error));
    this.#known.set(key, verdict);
    return verdict.then((found) => {
      this.#known.set(key, found);
      return found;
    });
  }
}

/** Judges the headers in front of a gRPC message. */
export function judgeResponse(headers: Readonly<Record<string, unknown>>): Verdict {
  const isGrpc = String(headers["content-type"]).startsWith("application/grpc");
  return headers[":status"] === 200 && isGrpc ? "" : `HTTP status ${headers[":status"]}, ${headers["content-type"]}`;
}

/** Judges the headers at the end of a call, which hold gRPC's status. */
export function judgeTrailers(headers: Readonly<Record<string, unknown>>): Verdict {
  const status = headers["grpc-status"];
  if (status === "0") return "";
  if (status === undefined) return "no gRPC status";
  return `gRPC status ${status}: ${readMessage(String(headers["grpc-message"] ?? ""))}`;
}

/** gRPC's messages are percent-encoded. */
function readMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
