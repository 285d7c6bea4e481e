import type { IncomingHttpHeaders } from "node:http2";

/** Returns a request's headers as the Fetch API has them, without those that begin with a colon. */
export function headersOf(headers: IncomingHttpHeaders): Headers {
  const result = new Headers();
  for (const name in headers) {
    const value = headers[name];
    if (name.startsWith(":") || value === undefined) continue;
    if (typeof value === "string") result.append(name, value);
    else for (const each of value) result.append(name, each);
  }
  return result;
}

/** Adds headers of the Fetch API to those that Node is to send, and returns these. */
export function withHeaders<T extends Record<string, string | number>>(target: T, headers: Headers): T {
  for (const [name, value] of headers) Object.assign(target, { [name]: value });
  return target;
}
