/** The user wants the import to end. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

/**
 * Listens for SIGINT and SIGTERM until it is disposed of, and until the first one can no longer arrive again. Until then
 * it keeps the process from ending.
 */
export interface Interruption extends Disposable {
  /** Fires at the first one, with an {@link InterruptedError}. */
  readonly signal: AbortSignal;
}

const names = ["SIGINT", "SIGTERM"] as const;
type SignalName = (typeof names)[number];

/** One Ctrl-C can arrive twice, from the terminal and from npm: what follows within this many milliseconds is the same one. */
const sameMs = 500;

/**
 * Takes the signals that end a process, so that an import can end in order.
 *
 * @param end ends the process at once, at the second signal. Default as the signal does without a listener
 */
export function listenForInterruption(
  end: (name: SignalName) => void = (name) => process.kill(process.pid, name),
): Interruption {
  const controller = new AbortController();
  let first: number | undefined;
  function onSignal(name: SignalName): void {
    first ??= performance.now();
    if (!controller.signal.aborted) controller.abort(new InterruptedError("interrupted"));
    else if (performance.now() - first > sameMs) {
      unlisten();
      end(name);
    }
  }
  const unlisten = () => {
    for (const name of names) process.off(name, onSignal);
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      // What was under way may be answered at once: then the repetition arrives while the user is told how far it came,
      // or while the process ends, where no listener would keep it from ending by the signal instead of with its status.
      if (first === undefined) unlisten();
      else setTimeout(unlisten, Math.max(0, first + sameMs - performance.now()));
    },
  };
}
