import { Presets, SingleBar } from "cli-progress";
import type { Terminal } from "../command-io.ts";

/** Shows how far a piece of work is. */
export interface Progress extends Disposable {
  /** Says that `count` more are done. */
  add(count: number): void;
}

/** Pause between two lines where there is no terminal to draw a bar on, in milliseconds. */
const pauseMs = 2_000;

/** Draws a progress bar on a terminal, or writes a line now and then where `stream` is something else. */
export function showProgress(stream: Terminal, total: number, unit: string): Progress {
  return stream.isTTY ? bar(stream, total, unit) : lines(stream, total, unit);
}

function bar(stream: Terminal, total: number, unit: string): Progress {
  const single = new SingleBar(
    {
      format: `  {bar} {percentage}% | {value} of {total} ${unit} | {eta_formatted} left`,
      stream,
      hideCursor: true,
      // Signals are the demo's own business: it stops the bar on its way out.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  single.start(total, 0);
  return {
    add: (count) => single.increment(count),
    [Symbol.dispose]: () => single.stop(),
  };
}

function lines(stream: Terminal, total: number, unit: string): Progress {
  let done = 0;
  let due = Date.now() + pauseMs;
  return {
    add(count) {
      done += count;
      if (Date.now() < due) return;
      due = Date.now() + pauseMs;
      stream.write(`  ${done} of ${total} ${unit}\n`);
    },
    [Symbol.dispose]: () => undefined,
  };
}
