/** What a stream tells until it ends, or until nothing came for a while: answers, headers and trailers. */
export async function heard(
  headers: Record<string, string>,
  open: (options: StreamOptions) => AsyncIterable<unknown>,
): Promise<unknown[]> {
  const told: unknown[] = [];
  const end = new AbortController();
  const idle = setTimeout(() => end.abort(), 300);
  const keep = (headers: Headers) => void told.push([...headers]);
  try {
    const options = { headers, signal: end.signal, onHeader: keep, onTrailer: keep };
    for await (const answer of open(options)) told.push(answer);
  } catch (error) {
    told.push(error);
  } finally {
    clearTimeout(idle);
  }
  return told;
}

/** How a stream is opened. */
export interface StreamOptions {
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  readonly onHeader: (headers: Headers) => void;
  readonly onTrailer: (headers: Headers) => void;
}

/** Asks reflection. */
export async function* reflect(
  requests: readonly ReflectionRequest[],
): AsyncGenerator<{ messageRequest: ReflectionRequest }> {
  for (const messageRequest of requests) yield { messageRequest };
}

/** A question to reflection. */
export type ReflectionRequest =
  | { readonly case: "listServices"; readonly value: string }
  | { readonly case: "fileContainingSymbol"; readonly value: string }
  | { readonly case: "fileByFilename"; readonly value: string };
