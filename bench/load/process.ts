import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { drainMs, type LoadAnswer, type LoadOrder, type LoadResult } from "./order.ts";

/** The process that makes the calls; disposing of it ends it. */
export interface LoadProcess extends Disposable {
  /**
   * Has one turn run and returns what it found.
   *
   * @throws Error when the turn could not be run, for instance because nobody listens
   */
  run(order: LoadOrder): Promise<LoadResult>;
}

/** How long after the last possible answer the process is given up, in milliseconds. */
const graceMs = 30_000;

/** Starts the load's process. */
export function startLoad(): LoadProcess {
  const child: ChildProcess = fork(join(import.meta.dirname, "main.ts"));
  return {
    run: (order) =>
      new Promise((done, fail) => {
        const settle = (end: () => void) => {
          clearTimeout(timer);
          child.off("message", onAnswer);
          child.off("exit", onExit);
          end();
        };
        const onAnswer = (answer: LoadAnswer) =>
          settle(() =>
            "result" in answer ? done(answer.result) : fail(new Error(`The load failed: ${answer.error}`)),
          );
        const onExit = () => settle(() => fail(new Error("the load's process ended")));
        const timer = setTimeout(
          () => settle(() => fail(new Error("the load's process does not answer"))),
          order.seconds * 1_000 + drainMs + graceMs,
        );
        child.on("message", onAnswer);
        child.on("exit", onExit);
        child.send(order, (error) => error && settle(() => fail(error)));
      }),
    [Symbol.dispose]: () => void child.kill(),
  };
}
