import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Ports to choose from: below those that the system gives to outgoing connections. */
const firstPort = 20_000;
const lastPort = 32_000;
const startAttempts = 3;

/**
 * Starts a server on a free loopback port and returns the port.
 *
 * @param startOn starts it on the port given; tried again on another port when it fails
 */
export async function startOnFreePort(startOn: (port: number) => Promise<void>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      await startOn(port);
      return port;
    } catch (error) {
      // Another program may have taken the port since it was tried.
      if (attempt === startAttempts) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, lastPort);
    const free = await new Promise<boolean>((done) => {
      const probe = createServer();
      probe.once("error", () => done(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => done(true)));
    });
    if (free) return port;
  }
}
