import { connect } from "node:net";
import type { EmbeddedServer } from "./embedded-server.ts";

/** How often the embedded server is looked after, in milliseconds. */
const lookMs = 1_000;

/**
 * Starts the embedded server again whenever it is gone: nobody else would. Calls made meanwhile are
 * answered with DATABASE_UNAVAILABLE.
 *
 * @param report told what was found and done, for the log
 * @returns a function that ends the watch and waits for a start that is under way
 */
export function superviseServer(server: EmbeddedServer, report: (message: string) => void): () => Promise<void> {
  const { hostname, port } = new URL(server.url);
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();

  const look = async (): Promise<void> => {
    if (ended || !(await isRefused(hostname, Number(port))) || ended) return;
    report("the embedded database is gone; starting it again");
    // Remains of the old server may still hold its memory: then this fails, and the next look tries again.
    await server.restart().then(
      () => report("the embedded database is back"),
      (error: unknown) =>
        report(`the embedded database did not start: ${error instanceof Error ? error.message : error}`),
    );
  };
  const schedule = (): void => {
    timer = setTimeout(() => {
      looking = look().finally(() => {
        if (!ended) schedule();
      });
    }, lookMs);
    timer.unref();
  };
  schedule();
  return async () => {
    ended = true;
    clearTimeout(timer);
    await looking;
  };
}

/** Whether nothing listens at the address; anything else, such as a slow answer, is no proof. */
function isRefused(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port, timeout: lookMs });
    const finish = (refused: boolean) => {
      socket.destroy();
      done(refused);
    };
    socket.once("connect", () => finish(false));
    socket.once("timeout", () => finish(false));
    socket.once("error", (error) => finish("code" in error && error.code === "ECONNREFUSED"));
  });
}
