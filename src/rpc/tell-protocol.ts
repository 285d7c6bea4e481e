import type { Socket } from "node:net";

/** The first bytes of HTTP/2 with prior knowledge (RFC 9113, 3.4); no method of HTTP/1.1 begins so. */
const prefaceStart = Buffer.from("PRI ");

/** How long a new connection may take to say which protocol it speaks, in milliseconds. */
export const silenceMs = 10_000;

/** Waits for a connection's first bytes and says whether they are those of HTTP/2. */
export function tellProtocol(socket: Socket, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const leave = () => socket.destroy();
  const timer = setTimeout(leave, silenceMs).unref();
  const stop = () => {
    clearTimeout(timer);
    socket.off("data", onData).off("end", leave).off("close", stop);
  };
  const onData = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const enough = Math.min(seen.length, prefaceStart.length);
    const maybe = seen.subarray(0, enough).equals(prefaceStart.subarray(0, enough));
    if (maybe && enough < prefaceStart.length) return;
    stop();
    socket.pause();
    socket.unshift(seen);
    decide(maybe);
    // HTTP/1.1 reads the socket as a stream; HTTP/2 takes it over whole.
    if (!maybe) socket.resume();
  };
  socket.on("data", onData).once("end", leave).once("close", stop);
}
